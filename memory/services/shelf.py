"""A scope under its lock: what goes in, moves and leaves, within the bytes of every tier.

One lock covers all tiers of a scope, since what has to leave one may fall into another; writers of
different scopes never wait for each other. On PostgreSQL it is the scope's row, which survives a
pooler; on SQLite the one writer's lock, which `IMMEDIATE` takes when the transaction begins.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import IntegrityError, connections, transaction
from django.db.models import QuerySet

from aragora_site.bulk import insert_returning, insert_rows, insertion, update_rows
from aragora_site.kept import kept
from memory import tiers
from memory.limits import tier_limits
from memory.models import Entry, EntryEvent, Scope
from memory.scopes import ScopeName
from memory.tiers import Kept, Move, NoRoom, Tier
from memory.versions import next_version

FIRST_AT_ONCE, MOST_AT_ONCE = 4, 64
"""Entries that are looked at together when somebody has to leave."""
ROOM_WAS_NEEDED = "room was needed for something worth more"
EXPIRED = "not used for as long as the tier keeps things"


class Shelf:
    """A scope that this transaction has locked. `close` writes what has changed."""

    def __init__(self, scope: Scope, now: datetime) -> None:
        self.scope = scope
        self.now = now
        self.limits = tier_limits()
        self._bytes = {tier: scope.bytes_of(tier) for tier in Tier}
        self._events: list[tuple[Any, ...]] = []
        self._new: list[tuple[Entry, str]] = []
        """What has its place, and is written before anybody looks, all in one go."""
        self._added: list[tuple[int, str, bytes]] = []
        """The keys of what is new, who embedded it, and its vectors."""
        self._gone: dict[int, str] = {}
        """The keys and texts of what went for good; entries themselves may be kept anew."""
        self._moving: set[int] = set()
        """Entries that are between two tiers."""

    # --- In and out ----------------------------------------------------------------------------

    def add(self, entry: Entry, reason: str) -> None:
        """Keep a new entry, at the cost of what is worth less. Raises `NoRoom`."""
        self._place(entry, Tier(entry.tier))
        self._new.append((entry, reason))

    def move(self, entry: Entry, tier: Tier, move: Move, reason: str) -> bool:
        """Take an entry to another tier, if there is room; whether it went. Its uses count anew."""
        before = Tier(entry.tier)
        as_it_was = (entry.tier, entry.uses, entry.standing, entry.expires_at)
        entry.uses = 0
        # Its old place is free at once: what it drives out may fall there, and not drive it out.
        self._bytes[before] -= entry.size
        self._moving.add(entry.pk)
        try:
            self._place(entry, tier)
        except NoRoom:
            self._bytes[before] += entry.size
            entry.tier, entry.uses, entry.standing, entry.expires_at = as_it_was
            return False
        finally:
            self._moving.discard(entry.pk)
        update_rows(Entry, _MOVING, ("id",), [(*_as_moved(entry), entry.pk)])
        self._note(entry, move, reason, before)
        return True

    def remove(self, entries: Sequence[Entry], move: Move, reason: str) -> None:
        """Take entries out for good."""
        if not entries:
            return
        rows = Entry.objects.filter(pk__in=[entry.pk for entry in entries])
        self._gone |= dict(rows.order_by().values_list("pk", "content"))
        rows.delete()
        for entry in entries:
            self._bytes[Tier(entry.tier)] -= entry.size
            self._note(entry, move, reason)

    def expire(self, tier: Tier | None = None) -> int:
        """Take out what has expired, of one tier or of all; how much that was."""
        expired = [
            entry
            for one in (Tier if tier is None else [tier])
            for entry in self._read(_EXPIRED, one, _as_stored(self.now))
        ]
        self.remove(expired, Move.EXPIRED, EXPIRED)
        return len(expired)

    def note(self, entry: Entry, move: Move, reason: str) -> None:
        """Say what happened to an entry that stayed where it is."""
        self._note(entry, move, reason)

    def find(self, keys: Collection[int]) -> list[Entry]:
        """Those of these entries that are here, in the order of their keys, without vectors."""
        self._write_new()
        return _held.objects(self.scope.pk, tuple(keys))

    def entries(self) -> QuerySet[Entry]:
        self._write_new()
        return Entry.objects.filter(scope=self.scope).defer("vector")

    def close(self) -> None:
        """Write what is new, the bytes and the events."""
        before, after = self.scope.version, next_version(self.scope.version)
        figures = [after, *(self._bytes[tier] for tier in Tier), self.scope.pk]
        connection = connections[Entry.objects.db]
        if connection.vendor != "postgresql":
            self._write_new()
        with connection.cursor() as cursor:
            if self._new:
                self._write_at_once(cursor, figures)
            else:
                insert_rows(EntryEvent, _OF_AN_EVENT, self._events)
                cursor.execute(_FIGURES, figures)
        scope_id, added, gone = self.scope.pk, self._added, dict(self._gone)
        transaction.on_commit(
            lambda: follow(scope_id, before=before, after=after, added=added, gone=gone),
            robust=True,
        )

    def _write_new(self) -> None:
        new, self._new = self._new, []
        keys = insert_returning(Entry, NEW, [_as_new(entry) for entry, _ in new])
        for (entry, reason), key in zip(new, keys, strict=True):
            self._is_written(entry, key)
            self._note(entry, Move.STORED, reason)

    def _write_at_once(self, cursor: Any, figures: Sequence[Any]) -> None:
        """What is new, all events and the figures, in a single message: each takes longer on its
        way than to be carried out."""
        new, self._new = self._new, []
        others, more = "", list[Any]()
        if self._events:
            # They made the room for what is new.
            others, more = insertion(EntryEvent, _OF_AN_EVENT, self._events)
            others += "; "
        inserted, values = insertion(Entry, NEW, [_as_new(entry) for entry, _ in new])
        reasons = [reason[:200] for _, reason in new]
        cursor.execute(
            f"{others}WITH entry AS ({inserted} RETURNING id, scope_id, workspace_id, tier, size), "  # noqa: S608
            f"event AS ({STORED_EVENTS}) SELECT id FROM entry ORDER BY id; {_FIGURES}",
            [*more, *values, Move.STORED.value, reasons, self.now, *figures],
        )
        if others:
            cursor.nextset()
        for (entry, _), (key,) in zip(new, cursor.fetchall(), strict=True):
            self._is_written(entry, key)

    def _is_written(self, entry: Entry, key: int) -> None:
        entry.pk, entry._state.adding = key, False
        if entry.vector is not None:
            self._added.append((entry.pk, entry.embedder, bytes(entry.vector)))

    # --- Room ----------------------------------------------------------------------------------

    def _place(self, entry: Entry, tier: Tier) -> None:
        """Make room in the tier and count the entry there. Raises `NoRoom`, having moved
        nothing."""
        limits = self.limits[tier]
        entry.tier = tier
        entry.scope, entry.workspace_id = self.scope, self.scope.workspace_id
        settle(entry, limits)
        incoming = as_kept(entry)
        if self._bytes[tier] + entry.size > limits.max_bytes:
            if entry.size <= limits.max_bytes:
                self.expire(tier)
            looked_at: dict[int, Entry] = {}
            leaving = tiers.make_room(
                (as_kept(looked_at.setdefault(one.pk, one)) for one in self._leaving_first(tier)),
                incoming=incoming,
                occupied=self._bytes[tier],
                limits=limits,
            )
            self._let_go([looked_at[one.id] for one in leaving])
        self._bytes[tier] += entry.size

    def _leaving_first(self, tier: Tier) -> Iterator[Entry]:
        """The entries of a tier, the least valuable first; read as far as they are wanted."""
        start, count = 0, FIRST_AT_ONCE
        while part := self._read(_LEAVING, tier, count, start):
            yield from part
            if len(part) < count - len(self._moving):
                return
            start, count = start + count, MOST_AT_ONCE

    def _let_go(self, entries: Sequence[Entry]) -> None:
        """Have entries leave their tier: to the next faster one if they would live there and find
        room, else out."""
        out: list[Entry] = []
        for entry in entries:
            tier = tiers.demotion(as_kept(entry), self.limits, self.now)
            entry.falls += 1
            if tier is None or not self.move(entry, tier, Move.DEMOTED, ROOM_WAS_NEEDED):
                out.append(entry)
        self.remove(out, Move.EVICTED, ROOM_WAS_NEEDED)

    def _read(self, statement: str, tier: Tier, *given: Any) -> list[Entry]:
        """Entries of a tier by one of the statements below, without those between two tiers."""
        self._write_new()
        found = Entry.objects.raw(statement, [self.scope.pk, tier, *given])
        return [entry for entry in found if entry.pk not in self._moving]

    def _note(self, entry: Entry, move: Move, reason: str, before: Tier | None = None) -> None:
        where = (self.scope.pk, self.scope.workspace_id, entry.tier, before or "")
        self._events.append((entry.pk, *where, move, reason[:200], entry.size, self.now))


_MOVING = (
    *("tier", "uses", "falls", "standing"),
    *("expires_at", "pinned", "surprise", "last_used_at"),
)
_as_moved = attrgetter(*_MOVING)
NEW = tuple(field.attname for field in Entry._meta.concrete_fields if not field.primary_key)
_as_new = attrgetter(*NEW)


def lock_scope(name: ScopeName, now: datetime) -> Shelf:
    """The scope under its lock, made if nothing was remembered there yet. In a transaction."""
    found = _named.objects(name.key)
    if not found:
        scope_id_of(name)
        found = _named.objects(name.key)
    assert found, "a scope is never removed but with its tenant"  # noqa: S101
    return Shelf(found[0], now)


def scope_id_of(name: ScopeName) -> int:
    """The key of the scope, made if nothing was remembered there yet."""
    known = Scope.objects.filter(key=name.key).values_list("pk", flat=True)
    if (found := known.first()) is not None:
        return found
    try:
        with transaction.atomic():
            return Scope.objects.create(
                key=name.key,
                kind=name.kind,
                workspace_id=name.workspace_id,
                user_id=name.user_id,
                debate_id=name.debate_id,
            ).pk
    except IntegrityError:
        if (found := known.first()) is None:
            raise  # Not a race: its workspace or its user is gone.
        return found


def lock_existing(scope_id: int, now: datetime) -> Shelf | None:
    """The scope under its lock; None when it is gone with its tenant. In a transaction."""
    found = _numbered.objects(scope_id)
    return Shelf(found[0], now) if found else None


@kept
def _named(key: str) -> QuerySet[Scope]:
    return Scope.objects.select_for_update(of=("self",)).filter(key=key).order_by()


@kept
def _numbered(scope_id: int) -> QuerySet[Scope]:
    return Scope.objects.select_for_update(of=("self",)).filter(pk=scope_id).order_by()


@kept
def _held(scope_id: int, keys: tuple[int, ...]) -> QuerySet[Entry]:
    return Entry.objects.filter(scope=scope_id, pk__in=keys).defer("vector").order_by("pk")


def settle(entry: Entry, limits: tiers.Limits) -> None:
    """Bring what follows from use, importance and tier up to date."""
    entry.standing = tiers.standing(
        importance=entry.importance,
        uses=entry.uses,
        last_used_at=entry.last_used_at,
        limits=limits,
    )
    entry.expires_at = tiers.expires_at(
        last_used_at=entry.last_used_at, limits=limits, pinned=entry.pinned
    )


def as_kept(entry: Entry) -> Kept:
    """The entry as the rules see it. One that is new comes after all that are there."""
    return Kept(
        id=entry.pk or sys.maxsize,
        tier=Tier(entry.tier),
        size=entry.size,
        importance=entry.importance,
        uses=entry.uses,
        last_used_at=entry.last_used_at,
        surprise=entry.surprise,
        falls=entry.falls,
        pinned=entry.pinned,
    )


def follow(
    scope_id: int,
    *,
    before: int,
    after: int,
    added: Sequence[tuple[int, str, bytes]],
    gone: Mapping[int, str],
) -> None:
    """Bring what this process has cached of a scope to its next version, with nothing of what is
    gone. A process that has embedded or searched nothing does not load what does."""
    if gone and "memory.embeddings.service" in sys.modules:
        from memory.embeddings.service import get_service

        get_service().forget(list(gone.values()))
    if "memory.selectors.search" in sys.modules:
        from memory.selectors import search

        search.follow(scope_id, before=before, after=after, added=added, gone=gone)


# --- Statements --------------------------------------------------------------------------------
# Those that every write has, written out: to have them phrased anew takes several times as long
# as to carry them out.

_RULED_BY = (
    "id, scope_id, workspace_id, tier, kind, size, importance, surprise, uses, total_uses, falls, "
    "pinned, standing, last_used_at, expires_at"
)
"""What the rules look at; not the content, nor the vector."""
_OF_A_TIER = f"SELECT {_RULED_BY} FROM memory_entry WHERE scope_id = %s AND tier = %s"  # noqa: S608
_EXPIRED = f"{_OF_A_TIER} AND expires_at <= %s"
_LEAVING = f"{_OF_A_TIER} ORDER BY pinned, standing, id LIMIT %s OFFSET %s"
_FIGURES = (
    "UPDATE memory_scope SET version = %s, "  # noqa: S608
    + ", ".join(f"{tier}_bytes = %s" for tier in Tier)
    + " WHERE id = %s"
)
STORED_EVENTS = (
    "INSERT INTO memory_entryevent (entry_id, scope_id, workspace_id, tier, from_tier, move, "
    "reason, size, created_at) SELECT id, scope_id, workspace_id, tier, '', %s, "
    "(%s::text[])[row_number() OVER (ORDER BY id)], size, %s FROM entry"
)
"""Of what was inserted as `entry`, on PostgreSQL."""
_OF_AN_EVENT = (
    *("entry_id", "scope_id", "workspace_id", "tier", "from_tier"),
    *("move", "reason", "size", "created_at"),
)


def _as_stored(moment: datetime) -> Any:
    return connections[Entry.objects.db].ops.adapt_datetimefield_value(moment)
