"""Storing one entry on PostgreSQL in a single statement, where there is room for it as it is.

Each message to the database takes longer on its way than most of them to be carried out. The
statement locks the scope's row, looks whether the entry fits, counts it, and writes it with its
event: as whoever holds the lock of a `Shelf` does, for whom it waits. Where something would have to
leave, it does nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter

from django.db import connections, transaction

from aragora_site.bulk import insertion_from
from memory.limits import tier_limits
from memory.models import Entry, Scope
from memory.scopes import ScopeName
from memory.services.shelf import NEW, STORED_EVENTS, follow, settle
from memory.tiers import Move, Tier
from memory.versions import LOT_BITS, new_lot

_FIELDS = (*(name for name in NEW if name != "scope_id"), "scope_id")
NOT_TRIED_FOR = timedelta(minutes=1)
"""After a tier was found full: it mostly stays so, and the statement costs as much as any other."""
MOST_REMEMBERED = 10_000
_full_until: dict[tuple[str, Tier], datetime] = {}
_OF_THE_NAME = ("id", "key", "kind", "workspace_id", "user_id", "debate_id")
_values = attrgetter(*_FIELDS[:-1])


def store_at_once(scope: ScopeName, entry: Entry, reason: str, now: datetime) -> bool:
    """Store a new entry that is not pinned; whether it is. It is not where its tier has no room for
    it, in a scope where nothing was remembered yet, and on other databases."""
    connection = connections[Entry.objects.db]
    tier = Tier(entry.tier)
    limits = tier_limits()[tier]
    is_full = _full_until.get((scope.key, tier), now) > now
    if connection.vendor != "postgresql" or entry.size > limits.max_bytes or is_full:
        return False
    entry.workspace_id = scope.workspace_id
    settle(entry, limits)
    inserted, values = insertion_from(Entry, _FIELDS, _values(entry), "shelf.id")
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(tier, inserted),
            [
                *(scope.key, new_lot(), entry.size, entry.size, limits.max_bytes),
                *(*values, Move.STORED.value, [reason[:200]], now),
            ],
        )
        found = cursor.fetchone()
    if found is None:  # Nothing was remembered there yet.
        return False
    entry.pk, scope_id, before, after = found
    if entry.pk is None:
        if len(_full_until) > MOST_REMEMBERED:
            _full_until.clear()
        _full_until[scope.key, tier] = now + NOT_TRIED_FOR
        return False
    entry._state.adding = False
    # What is known of it; the rest is read when somebody asks for it.
    named = (scope_id, scope.key, scope.kind, scope.workspace_id, scope.user_id, scope.debate_id)
    entry.scope = Scope.from_db(connection.alias, _OF_THE_NAME, named)
    added = [(entry.pk, entry.embedder, bytes(entry.vector))] if entry.vector is not None else []
    transaction.on_commit(
        lambda: follow(scope_id, before=before, after=after, added=added, gone={}), robust=True
    )
    return True


@cache
def _statement(tier: Tier, inserted: str) -> str:
    held = f"{tier}_bytes"
    return (
        "WITH held AS (SELECT id, version FROM memory_scope WHERE key = %s FOR UPDATE), "  # noqa: S608
        "shelf AS (UPDATE memory_scope SET "
        f"version = held.version >> {LOT_BITS} << {LOT_BITS} | %s, "
        f"{held} = {held} + %s FROM held WHERE memory_scope.id = held.id AND {held} + %s <= %s "
        "RETURNING memory_scope.id, memory_scope.version), "
        f"entry AS ({inserted} RETURNING id, scope_id, workspace_id, tier, size), "
        f"event AS ({STORED_EVENTS}) "
        "SELECT entry.id, held.id, held.version, shelf.version "
        "FROM held LEFT JOIN shelf ON true LEFT JOIN entry ON true"
    )
