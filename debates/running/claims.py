"""Who may run which debate: claims, leases, and what dead workers left behind. All synchronous.

Claiming raises the debate's fence; whoever held it before can write no more. A claim needs that no
live lease is on the debate: a paused debate whose last calls are still finishing is not taken up
before they have.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast

from aragora_site.bulk import Add
from aragora_site.kept import kept
from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import TERMINAL_STATUSES, DebateStatus, EventType
from debates.engine.types import StopReason
from debates.models import Debate
from debates.running.checkpoint import Checkpoint
from debates.running.holders import is_certainly_dead
from debates.selectors.queue import serving_line
from debates.services.endings import debate_end, ending_changes
from debates.services.events import (
    EventRow,
    FenceMoved,
    NewEvent,
    allot_numbers,
    append_events,
    number_events,
    publish_after_commit,
)
from debates.services.queueing import join_queue
from debates.streaming.events import (
    AgentCard,
    DebateFailed,
    DebateResumed,
    DebateStart,
)

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
"""So many workers may die in a debate before it fails."""
CRASHED = (
    f"{MAX_ATTEMPTS} workers stopped unexpectedly in this debate, one after the other, so it was "
    "given up. The log of the server says more."
)

WAITING = frozenset({DebateStatus.PENDING})
_UNFINISHED = frozenset(DebateStatus) - TERMINAL_STATUSES


@dataclass(frozen=True, slots=True)
class Control:
    """What the row of a debate says to its worker."""

    fence: int
    status: DebateStatus
    stop_requested: bool


# --- Claiming ----------------------------------------------------------------------------------


def free(now: datetime) -> QuerySet[Debate]:
    """The debates on which there is no live lease."""
    return Debate.objects.filter(Q(lease_holder="") | Q(lease_expires_at__lt=now))


@across_tenants(Purpose.QUEUE)
def next_in_line(now: datetime, *, limit: int | None = None) -> list[UUID]:
    """The debates that may begin, in the order in which they are served; `limit` of them."""
    cap = settings.ARAGORA.max_running_debates_per_workspace
    line = [place.debate_id for place in serving_line() if not cap or place.of_tenant <= cap]
    if not line:
        return []
    unavailable = {key for (key,) in _still_held.rows(now)}
    available = (key for key in line if key not in unavailable)
    return [UUID(str(key)) for key in islice(available, limit)]


@kept
def _still_held(now: datetime) -> QuerySet[Any, Any]:
    """What waits and whose last calls, from before it was paused, are still finishing."""
    held = Debate.objects.filter(status=DebateStatus.PENDING, lease_expires_at__gte=now)
    return held.exclude(lease_holder="").order_by().values_list(Cast("pk", CharField()))


def claim(
    debate: Debate,
    *,
    holder: str,
    statuses: frozenset[DebateStatus],
    opening: Checkpoint | None,
    now: datetime,
) -> list[EventRow] | None:
    """Make a debate the holder's, in the caller's transaction, which has to write the events that
    come back; None when somebody else has been at it since `debate` was read.

    `opening` is what else is written, where the debate begins. The row moves along."""
    begins = debate.started_at is None
    changes: dict[str, Any] = {
        **(opening.changes if opening else {}),
        "status": DebateStatus.RUNNING,
        "fence": debate.fence + 1,
        "lease_holder": holder,
        "lease_expires_at": now + _lease(),
        "started_at": now if begins else debate.started_at,
    }
    events = [
        NewEvent(EventType.DEBATE_START, _start(debate))
        if begins
        else NewEvent(EventType.DEBATE_RESUMED, DebateResumed(debate_id=str(debate.pk))),
        *(opening.events if opening else ()),
    ]
    try:
        first, _ = allot_numbers(
            debate_id=debate.pk,
            count=len(events),
            fence=debate.fence,
            statuses=statuses,
            changes=changes,
        )
    except FenceMoved:
        return None
    for name, value in changes.items():
        setattr(debate, name, value)
    rows = number_events(debate_id=debate.pk, first=first, events=events, now=now)
    debate.last_seq = rows[-1].seq
    return rows


def _start(debate: Debate) -> DebateStart:
    return DebateStart(
        debate_id=str(debate.pk),
        task=debate.question,
        agents=[spec["name"] for spec in debate.panel],
        panel=[
            AgentCard(
                name=spec["name"],
                provider=spec["provider"],
                model=spec["model"],
                family=spec["family"],
                is_language_model=spec["is_language_model"],
            )
            for spec in debate.panel
        ],
        total_rounds=debate.rounds,
        protocol=debate.protocol,
        decision=debate.decision,
    )


# --- Holding -----------------------------------------------------------------------------------


@across_tenants(Purpose.QUEUE)
def read_controls(debate_ids: Collection[UUID]) -> dict[UUID, Control]:
    """What the rows say now; those that are gone are missing. One query."""
    rows = Debate.objects.filter(pk__in=debate_ids)
    return {
        pk: Control(fence, DebateStatus(status), stop_requested)
        for pk, fence, status, stop_requested in rows.values_list(
            "pk", "fence", "status", "stop_requested"
        )
    }


@across_tenants(Purpose.QUEUE)
def renew_leases(*, holder: str, debate_ids: Collection[UUID], now: datetime) -> None:
    """Say that the holder is alive. One query."""
    held = Debate.objects.filter(pk__in=debate_ids, lease_holder=holder)
    held.update(lease_expires_at=now + _lease())


def _lease() -> timedelta:
    return timedelta(seconds=settings.ARAGORA.lease_seconds)


@across_tenants(Purpose.QUEUE)
def release(*, debate_id: UUID, fence: int) -> None:
    """Let a debate go in whatever state it is. Nothing happens when the fence has moved."""
    held = Debate.objects.filter(pk=debate_id, fence=fence)
    held.update(lease_holder="", lease_expires_at=None)


# --- Giving back -------------------------------------------------------------------------------


@across_tenants(Purpose.QUEUE)
def hand_back(*, debate_id: UUID, fence: int, active_seconds: float, now: datetime) -> None:
    """Put a debate that runs back into the queue, in its old place: this process is leaving."""
    with transaction.atomic():
        debate = _running(debate_id, fence)
        if debate is not None:
            debate.active_seconds = active_seconds
            _put_back(debate, attempts=debate.attempts, now=now)
    release(debate_id=debate_id, fence=fence)


@across_tenants(Purpose.QUEUE)
def give_up(*, debate_id: UUID, fence: int, now: datetime) -> None:
    """A worker has died in the debate: put it back into the queue, or fail it after the fifth."""
    with transaction.atomic():
        debate = _running(debate_id, fence)
        if debate is not None:
            _count_crash(debate, now)
    release(debate_id=debate_id, fence=fence)


@across_tenants(Purpose.QUEUE)
def recover(*, holder: str, running: Collection[UUID], now: datetime) -> int:
    """Free what dead processes held, and what this one holds and does not run; how many debates
    were put back or failed."""
    held = (
        Debate.objects.filter(status__in=sorted(_UNFINISHED))
        .exclude(lease_holder="")
        .exclude(pk__in=running)
        .values_list("pk", "fence", "lease_holder", "lease_expires_at")
    )
    recovered = 0
    for debate_id, fence, lease_holder, expires_at in held:
        expired = expires_at is None or expires_at < now
        if expired or lease_holder == holder or is_certainly_dead(lease_holder):
            log.warning("debate_recovered", debate_id=str(debate_id), holder=lease_holder)
            give_up(debate_id=debate_id, fence=fence, now=now)
            recovered += 1
    return recovered


def _running(debate_id: UUID, fence: int) -> Debate | None:
    """The debate under its lock, if it runs and the fence is still this one."""
    return (
        Debate.objects.select_for_update()
        .filter(pk=debate_id, fence=fence, status=DebateStatus.RUNNING)
        .first()
    )


def _count_crash(debate: Debate, now: datetime) -> None:
    attempts = debate.attempts + 1
    if attempts < MAX_ATTEMPTS:
        _put_back(debate, attempts=attempts, now=now)
        return
    status, reason = DebateStatus.FAILED, StopReason.CRASHED
    failed = DebateFailed(debate_id=str(debate.pk), reason=reason, message=CRASHED)
    end = debate_end(debate, status=status, stop_reason=reason, result=CRASHED)
    _write(
        debate,
        {
            **ending_changes(status=status, stop_reason=reason, now=now),
            "failure": CRASHED,
            "attempts": attempts,
            "fence": Add(1),
        },
        [NewEvent(EventType.DEBATE_FAILED, failed), NewEvent(EventType.DEBATE_END, end)],
        now,
    )
    log.error("debate_given_up", debate_id=str(debate.pk), attempts=attempts)


def _put_back(debate: Debate, *, attempts: int, now: datetime) -> None:
    changes = {
        "status": DebateStatus.PENDING,
        "attempts": attempts,
        "active_seconds": debate.active_seconds,
        "lease_holder": "",
        "lease_expires_at": None,
        "fence": Add(1),
    }
    _write(debate, changes, [join_queue(debate)], now)


def _write(
    debate: Debate, changes: dict[str, Any], events: Sequence[NewEvent], now: datetime
) -> None:
    rows = append_events(
        debate_id=debate.pk, events=events, now=now, fence=debate.fence, changes=changes
    )
    publish_after_commit(debate_id=debate.pk, rows=rows)
