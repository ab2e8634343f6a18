"""What is done from time to time: expiry, promotion of what earned it, embeddings made anew.

A periodic job may call `expire_memory` and `reindex` as often as it likes; each does as much as
there is to do, in short transactions, a scope at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import Q

from aragora_site.tenancy.scopes import Purpose, across_tenants
from memory.models import Entry, EntryEvent, Scope
from memory.scopes import Reader
from memory.services.entries import rise
from memory.services.shelf import lock_existing
from memory.tiers import USES_TO_RISE
from memory.versions import new_edition

EVENTS_KEPT = timedelta(days=30)
BATCH = 256


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was done."""

    expired: int = 0
    promoted: int = 0


@across_tenants(Purpose.CLEANING)
def expire_memory(*, now: datetime) -> int:
    """Remove what has expired, and the events of long ago; how many entries that were."""
    expired = 0
    stale = Entry.objects.filter(expires_at__lte=now).values_list("scope_id", flat=True)
    for scope_id in sorted(set(stale.order_by())):
        with transaction.atomic():
            shelf = lock_existing(scope_id, now)
            if shelf is not None:
                expired += shelf.expire()
                shelf.close()
    EntryEvent.objects.filter(created_at__lt=now - EVENTS_KEPT).delete()
    # Scopes of debates that are long over hold nothing any more.
    empty = Q(fast_bytes=0, medium_bytes=0, slow_bytes=0, glacial_bytes=0)
    Scope.objects.filter(empty, kind="debate", entries=None, events=None).delete()
    return expired


def consolidate(*, reader: Reader, now: datetime) -> Upkeep:
    """Expire and promote, in the scopes that somebody sees."""
    expired = promoted = 0
    scopes = Scope.objects.filter(reader.scopes()).values_list("pk", flat=True)
    for scope_id in sorted(scopes):
        with transaction.atomic():
            shelf = lock_existing(scope_id, now)
            if shelf is None:
                continue
            expired += shelf.expire()
            earning = Q(uses__gte=USES_TO_RISE) | Q(surprise__gt=0, falls=0)
            found = shelf.entries().filter(earning).order_by("pk")
            promoted += rise(shelf, list(found.values_list("pk", flat=True)))
            shelf.close()
    return Upkeep(expired, promoted)


@across_tenants(Purpose.OPERATOR)
def reindex(*, everything: bool = False) -> int:
    """Embed the entries whose vectors another embedder made, or all of them; how many those
    were. Blocking."""
    from memory.embeddings.service import get_service

    service, count, last = get_service(), 0, 0
    while True:
        found = Entry.objects.filter(pk__gt=last)
        if not everything:
            found = found.exclude(embedder=service.name)
        rows = list(found.order_by("pk").values_list("pk", "content", "scope_id")[:BATCH])
        if not rows:
            return count
        last = rows[-1][0]
        made = service.embed([content for _, content, _ in rows])
        for (pk, content, _), vector in zip(rows, made.vectors, strict=True):
            # Whoever rewrote it meanwhile has embedded it.
            count += Entry.objects.filter(pk=pk, content=content).update(
                vector=vector.tobytes(), embedder=made.embedder
            )
        touched = {scope_id for _, _, scope_id in rows}
        Scope.objects.filter(pk__in=touched).update(version=new_edition())


def rebuild_indexes() -> None:
    """Make what the database keeps for searching anew, where it can have come apart."""
    from memory.indexes import rebuild_words

    with transaction.atomic():
        rebuild_words(connections[Entry.objects.db])
