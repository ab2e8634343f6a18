"""What is remembered, as lists and figures. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from memory.exceptions import EntryNotFound
from memory.limits import tier_limits
from memory.models import Entry, EntryEvent, Scope
from memory.scopes import Reader
from memory.tiers import Move, Tier


@dataclass(frozen=True, slots=True)
class TierFigures:
    """A tier, over all scopes that somebody sees."""

    tier: Tier
    entries: int
    pinned: int
    bytes: int
    """What is counted, expired entries that nobody has removed yet included."""
    fullest: float
    """The share of its bytes that the fullest scope has used, from 0 to 1."""
    max_bytes: int
    """Of one scope."""
    lifetime_seconds: float


def visible_entries(
    *, reader: Reader, now: datetime, tiers: Collection[Tier] = ()
) -> QuerySet[Entry]:
    """The entries that are alive and the reader's to see, the last used first."""
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    found = Entry.objects.filter(reader.entries(), alive)
    found = found.select_related("scope", "workspace").defer("vector")
    if tiers:
        found = found.filter(tier__in=sorted(tiers))
    return found.order_by("-pinned", "-last_used_at", "-pk")


def get_entry(*, reader: Reader, entry_id: int, now: datetime) -> Entry:
    """One of them. Raises `EntryNotFound`."""
    found = visible_entries(reader=reader, now=now).filter(pk=entry_id).first()
    if found is None:
        raise EntryNotFound("There is no such entry, or it is not yours to see.")
    return found


def story_of(entry: Entry) -> list[EntryEvent]:
    """Every move of an entry, the newest first."""
    return list(EntryEvent.objects.filter(entry_id=entry.pk).order_by("-pk")[:100])


def tier_figures(*, reader: Reader, now: datetime) -> list[TierFigures]:
    """The four tiers as the reader sees them, from fast to glacial. Two queries."""
    scopes = list(Scope.objects.filter(reader.scopes()))
    counted = {
        row["tier"]: (row["entries"], row["pins"])
        for row in visible_entries(reader=reader, now=now)
        .order_by()
        .values("tier")
        .annotate(entries=Count("pk"), pins=Count("pk", filter=Q(pinned=True)))
    }
    return [
        TierFigures(
            tier=tier,
            entries=counted.get(tier.value, (0, 0))[0],
            pinned=counted.get(tier.value, (0, 0))[1],
            bytes=sum(scope.bytes_of(tier) for scope in scopes),
            fullest=max((scope.bytes_of(tier) / limits.max_bytes for scope in scopes), default=0.0),
            max_bytes=limits.max_bytes,
            lifetime_seconds=limits.lifetime.total_seconds(),
        )
        for tier, limits in tier_limits().items()
    ]


def count_by_workspace(*, reader: Reader, now: datetime) -> dict[UUID | None, int]:
    """How many entries the reader sees of each workspace that has some; of none, those of people
    without an account. One query."""
    seen = visible_entries(reader=reader, now=now).order_by()
    return dict(seen.values_list("workspace").annotate(entries=Count("pk")))


def moves_since(*, reader: Reader, since: datetime) -> dict[str, int]:
    """How often entries moved since then, by the word of `Move`."""
    found = (
        EntryEvent.objects.filter(created_at__gte=since, scope__in=_scopes(reader))
        .order_by()
        .values_list("move")
        .annotate(count=Count("pk"))
    )
    return {move.value: 0 for move in Move} | dict(found)


def _scopes(reader: Reader) -> QuerySet[Scope]:
    return Scope.objects.filter(reader.scopes())
