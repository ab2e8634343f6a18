"""The queue: who waits in which place, and for about how long.

Over all tenants: a place says nothing of whom one waits behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import ceil
from statistics import fmean
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import CharField, Count, F, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from aragora_site.kept import kept
from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus
from debates.models import Debate
from debates.running.jobs import count_workers
from debates.running.order import (
    Entry,
    Group,
    Place,
    in_order,
    place_on_coming,
    waiting_beside,
)
from ratelimit.tiers import Tier

SAMPLE = 20
"""So many debates tell how long one takes."""
_EVER = datetime.min.replace(tzinfo=UTC)
"""The moment of a debate that was run without having been queued."""
_IN_LINE = (DebateStatus.PENDING, DebateStatus.RUNNING)
_GROUPS = """
SELECT counted.workspace_id, counted.owner_id, workspace.tier, counted.running, counted.pending
FROM (
    SELECT workspace_id, owner_id,
        SUM(CASE WHEN status = 'running' THEN 1 ELSE 0 END) AS running,
        SUM(CASE WHEN status = 'pending' THEN 1 ELSE 0 END) AS pending
    FROM debates_debate WHERE status IN ('running', 'pending') GROUP BY workspace_id, owner_id
) AS counted
LEFT JOIN ratelimit_workspace AS workspace ON workspace.id = counted.workspace_id
"""


@dataclass(frozen=True)
class Pace:
    """How fast the queue moves."""

    seats: int
    """Debates that can run at once, over all processes that run debates."""
    running: int

    @cached_property
    @across_tenants(Purpose.QUEUE)
    def seconds(self) -> float | None:
        """How long a debate took lately; None when none has ended yet. One query."""
        seconds = [seconds for (seconds,) in _took.rows()]
        return fmean(seconds) if seconds else None

    def wait_seconds(self, position: int) -> int | None:
        """About how long the debate in that place waits; None when nobody can tell."""
        ahead = position - max(0, self.seats - self.running)
        if ahead <= 0:
            return 0
        return None if self.seconds is None else ceil(ahead * self.seconds / self.seats)


@dataclass(frozen=True, slots=True)
class Room:
    """What a newcomer finds."""

    waiting: int
    beside: int
    """Those among them that are of its workspace, or of its person, whichever are more."""
    position: int
    """Where it would stand, from 1."""


@dataclass(frozen=True, slots=True)
class RoomForAll:
    """What newcomers find who come together."""

    waiting: int
    """Before them."""
    beside: int
    """Those among them that are of the workspace, or the person, that will have the most."""
    coming: int
    """The newcomers of that one."""
    positions: tuple[int, ...]
    """Where each would stand, from 1."""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a debate stands in the queue."""

    position: int
    """1 is the next to run."""
    estimated_wait_seconds: int | None
    """None when nobody can tell yet."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The queue as a whole."""

    queued: int
    running: int
    seats: int
    limit: int
    """So many may wait; the next one is refused."""
    average_seconds: float | None
    estimated_wait_seconds: int | None
    """Of a debate that joined now and were served last."""


@across_tenants(Purpose.QUEUE)
def serving_line() -> list[Place]:
    """The debates that wait, of all tenants, the next one first. One query, and asked often: the
    database says who is older, and keys are texts, with hyphens or without."""
    return in_order(
        Entry(key, tenant, _tier(tier), status == DebateStatus.RUNNING, age, person)
        for age, (key, tenant, tier, status, person) in enumerate(_in_line_by_age.rows())
    )


@kept
def _in_line_by_age() -> QuerySet[Any, Any]:
    rows = Debate.objects.filter(status__in=_IN_LINE)
    text = CharField()
    return rows.order_by(F("queued_at").asc(nulls_first=True), "pk").values_list(
        Cast("pk", text), Cast("workspace_id", text), "workspace__tier", "status", "owner_id"
    )


@across_tenants(Purpose.QUEUE)
def place_on_joining(debate: Debate) -> int:
    """The place, from 1, that the debate takes by joining the queue, whatever is stored of it. One
    query."""
    others = [entry for entry in _entries() if entry.debate_id != debate.pk]
    line = in_order([*others, _entry(debate)])
    return next(place for place, one in enumerate(line, start=1) if one.debate_id == debate.pk)


def _entries() -> list[Entry]:
    return [
        Entry(pk, tenant, _tier(tier), status == DebateStatus.RUNNING, since or _EVER, person)
        for pk, tenant, tier, status, since, person in _in_line.rows()
    ]


@kept
def _in_line() -> QuerySet[Any, Any]:
    rows = Debate.objects.filter(status__in=_IN_LINE).order_by()
    return rows.values_list(
        "pk", "workspace_id", "workspace__tier", "status", "queued_at", "owner_id"
    )


def room_on_coming(debate: Debate) -> Room:
    """What a debate finds that comes now, after all others. One query, whose answer is as short as
    there are few people who wait; another where that does not tell the place."""
    groups, newcomer = _groups(), _entry(debate)
    return Room(
        waiting=sum(group.waiting for group in groups),
        beside=waiting_beside(groups, newcomer),
        position=place_on_coming(groups, newcomer) or place_on_joining(debate),
    )


@across_tenants(Purpose.QUEUE)
def room_for_all(debates: Sequence[Debate]) -> RoomForAll:
    """What debates find that come now, together and after all others; there has to be one at least.
    One query."""
    entries, newcomers = _entries(), [_entry(debate) for debate in debates]
    before = [entry for entry in entries if not entry.runs]
    line = in_order([*entries, *newcomers])
    places = {place.debate_id: position for position, place in enumerate(line, start=1)}
    theirs, new = _whose(before), _whose(newcomers)
    fullest = max(new, key=lambda one: theirs[one] + new[one])
    return RoomForAll(
        waiting=len(before),
        beside=theirs[fullest],
        coming=new[fullest],
        positions=tuple(places[debate.pk] for debate in debates),
    )


def _whose(entries: Iterable[Entry]) -> Counter[Hashable]:
    """How many there are of each workspace and of each person."""
    counted: Counter[Hashable] = Counter()
    for entry in entries:
        counted["workspace", entry.tenant] += 1
        if entry.person is not None:
            counted["person", entry.person] += 1
    return counted


@across_tenants(Purpose.QUEUE)
def _groups() -> list[Group]:
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS)
        rows = cursor.fetchall()
    return [
        Group(tenant if tenant is None else _uuid(tenant), person, _tier(tier), running, waiting)
        for tenant, person, tier, running, waiting in rows
    ]


def _uuid(stored: UUID | str) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def _entry(debate: Debate) -> Entry:
    """The debate as one that waits."""
    tier = _tier(debate.workspace.tier if debate.workspace else None)
    since = debate.queued_at or _EVER
    return Entry(debate.pk, debate.workspace_id, tier, False, since, debate.owner_id)


def queue_position(debate: Debate) -> int | None:
    """The debate's place among those that wait, from 1; None when it does not wait, or no longer.
    One query."""
    if debate.status != DebateStatus.PENDING:
        return None
    native = connection.features.has_native_uuid_field
    wanted = str(debate.pk) if native else debate.pk.hex  # As `serving_line` has it.
    keys = (place.debate_id for place in serving_line())
    return next((position for position, key in enumerate(keys, start=1) if key == wanted), None)


def queue_place(debate: Debate) -> QueuePlace | None:
    """Where the debate stands in the queue; None when it does not wait."""
    position = queue_position(debate)
    return None if position is None else QueuePlace(position, queue_pace().wait_seconds(position))


def queue_places() -> Mapping[UUID, QueuePlace]:
    """Where every debate that waits stands."""
    line = serving_line()
    if not line:
        return {}
    pace = queue_pace()
    return {
        UUID(str(place.debate_id)): QueuePlace(position, pace.wait_seconds(position))
        for position, place in enumerate(line, start=1)
    }


@across_tenants(Purpose.QUEUE)
def count_waiting() -> int:
    """How many debates wait for a worker."""
    return Debate.objects.filter(status=DebateStatus.PENDING).count()


@across_tenants(Purpose.QUEUE)
def queue_pace() -> Pace:
    """How fast the queue moves. One query, two on PostgreSQL."""
    running = sum(count for (count,) in _running.rows())
    processes = max(1, count_workers(now=timezone.now()))
    seats = processes * settings.ARAGORA.max_concurrent_debates
    return Pace(max(seats, running), running)


@kept
def _running() -> QuerySet[Any, Any]:
    rows = Debate.objects.filter(status=DebateStatus.RUNNING).order_by().values("status")
    return rows.annotate(count=Count("pk")).values_list("count")


@kept
def _took() -> QuerySet[Any, Any]:
    # Newest by creation: that is what there is an index for.
    ended = Debate.objects.filter(status=DebateStatus.COMPLETED).order_by("-created_at", "-id")
    return ended.values_list("active_seconds")[:SAMPLE]


def queue_status() -> QueueStatus:
    """The queue as a whole."""
    queued, pace = count_waiting(), queue_pace()
    return QueueStatus(
        queued=queued,
        running=pace.running,
        seats=pace.seats,
        limit=settings.ARAGORA.max_queued_debates,
        average_seconds=pace.seconds,
        estimated_wait_seconds=pace.wait_seconds(queued + 1),
    )


_TIERS = {tier.value: tier for tier in Tier}


def _tier(stored: str | None) -> Tier:
    """That of a workspace; without one, that of people who are not signed in."""
    return Tier.ANONYMOUS if stored is None else _TIERS[stored]
