"""What the stream reads from the database, and the threads on which it does.

Nothing of this runs on the event loop, and nothing of it on the one thread that asgiref shares
among all synchronous code: a slow query elsewhere does not hold the stream up.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from aragora_site.kept import kept
from aragora_site.tenancy.scopes import Purpose, across_tenants, outside
from debates import selectors
from debates.choices import TERMINAL_STATUSES, DebateStatus
from debates.exceptions import NotFound
from debates.models import Debate, DebateEvent
from debates.running.threads import DatabaseThreads
from debates.selectors.finding import listed
from debates.streaming.envelope import Frame, timestamp
from debates.streaming.events import Loop
from ratelimit.workspaces import acting_as

T = TypeVar("T")

DATABASE_THREADS = 4
REPLAY_BATCH = 500
SNAPSHOT_TRIES = 4
MAX_LOOPS = 50

# Of its own: a stream waits neither for slow requests nor for debates.
_threads = DatabaseThreads(DATABASE_THREADS, name="stream-db")


async def run_query(query: Callable[..., T], *args: object, **kwargs: object) -> T:
    """Run a synchronous query on one of the stream's own threads."""

    def call() -> T:
        with outside():  # What is asked says for whom.
            return query(*args, **kwargs)

    return await _threads.run(contextvars.copy_context().run, call)


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a debate's log stands, and who may read it."""

    debate_id: UUID
    epoch: str
    last_seq: int
    access: tuple[object, ...]
    """Changes whenever the permission to read may have changed."""
    waits: bool
    """Whether the debate is in the queue."""


@across_tenants(Purpose.STREAM)
def read_log_states(debate_ids: Sequence[UUID]) -> dict[UUID, LogState]:
    """The logs of these debates; those that are gone are missing. One query."""
    return {
        pk: LogState(pk, str(epoch), last_seq, tuple(access), status == DebateStatus.PENDING)
        for pk, epoch, last_seq, status, *access in _log_states.rows(tuple(debate_ids))
    }


@kept
def _log_states(ids: tuple[UUID, ...]) -> QuerySet[Any, Any]:
    return (
        Debate.objects.filter(pk__in=ids)
        .order_by()
        .values_list(
            *("pk", "epoch", "last_seq", "status"),
            *("visibility", "owner_id", "workspace_id", "workspace__roster", "share_link__pk"),
        )
    )


@across_tenants(Purpose.STREAM)
def read_frames(debate_id: UUID, *, after: int, limit: int = REPLAY_BATCH) -> list[Frame]:
    """The debate's events with seq > `after`, in order."""
    key = str(debate_id)
    return [
        Frame(key, type, data, timestamp(moment), seq, round, agent or None)
        for type, data, moment, seq, round, agent in _events.rows(debate_id, after, after + limit)
    ]


@kept
def _events(debate_id: UUID, after: int, last: int) -> QuerySet[Any, Any]:
    # Not as models: those cost more than all the rest of a replay.
    log = DebateEvent.objects.filter(debate_id=debate_id).order_by("seq")
    rows = log.filter(seq__gt=after, seq__lte=last)
    return rows.values_list("type", "data", "created_at", "seq", "round", "agent")


def find_debate(viewer: selectors.Viewer, reference: str, share: str = "") -> UUID | None:
    """The debate with that id or slug, if this person may read it, by themselves or by the shared
    link whose token is `share`."""
    try:
        with acting_as(viewer):
            return selectors.find_debate_id(user=viewer, id_or_slug=reference, share=share)
    except NotFound:
        return None


@across_tenants(Purpose.STREAM)
def read_snapshot(debate_id: UUID) -> selectors.Snapshot | None:
    """The state of a debate at one seq; None when it is gone.

    Every change of a debate comes with an event, so a state during whose reading the seq stood
    still is the state of that seq. A debate that never stands still is held by its lock."""
    for _ in range(SNAPSHOT_TRIES):
        debate = Debate.objects.filter(pk=debate_id).first()
        if debate is None:
            return None
        snapshot = selectors.debate_snapshot(debate)
        if Debate.objects.filter(pk=debate_id, last_seq=debate.last_seq).exists():
            return snapshot
    with transaction.atomic():
        debate = Debate.objects.select_for_update().filter(pk=debate_id).first()
        return None if debate is None else selectors.debate_snapshot(debate)


def read_loops(viewer: selectors.Viewer) -> list[Loop]:
    """The debates that are not over, newest first, for somebody who looks for one to follow."""
    with acting_as(viewer):
        rows = list(
            listed(selectors.debates_visible_to(viewer))
            .exclude(status__in=sorted(TERMINAL_STATUSES))
            .order_by("-created_at", "-id")
            .values_list("pk", "slug", "question", "status", "round", "rounds", "last_seq")[
                :MAX_LOOPS
            ]
        )
    return [
        Loop(
            debate_id=str(pk),
            loop_id=str(pk),
            slug=slug,
            task=question,
            status=status,
            round=round_number,
            total_rounds=rounds,
            seq=last_seq,
        )
        for pk, slug, question, status, round_number, rounds, last_seq in rows
    ]
