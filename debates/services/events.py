"""The one writer of the event log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from aragora_site.bulk import Add, JSONObject, insert_rows, update_returning
from debates.choices import DebateStatus, EventType
from debates.models import Debate, DebateEvent


class FenceMoved(Exception):
    """Another worker, or somebody who cancelled, owns the debate now; nothing was written."""


class EventRow(NamedTuple):
    """An event as it is written; its fields are those of `DebateEvent`."""

    debate_id: UUID
    seq: int
    type: str
    round: int | None
    agent: str
    data: JSONObject
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that has no number yet. `data` is the payload of `type` in
    `debates.streaming.events`."""

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict)
    round: int | None = None
    agent: str = ""


def append_events(
    *,
    debate_id: UUID,
    events: Sequence[NewEvent],
    now: datetime,
    fence: int | None = None,
    statuses: frozenset[DebateStatus] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> list[EventRow]:
    """Number the events and write them, in the caller's transaction; two queries.

    `changes` (field → value, or `Add`) are made to the debate by the same UPDATE that takes its
    lock and allots the numbers. With `fence` or `statuses` the debate has to be at that fence and
    in one of those states. Raises `FenceMoved` when it is not, or is gone.

    The rows come back in the order of their numbers, for `publish_after_commit`."""
    first, _ = allot_numbers(
        debate_id=debate_id, count=len(events), fence=fence, statuses=statuses, changes=changes
    )
    rows = number_events(debate_id=debate_id, first=first, events=events, now=now)
    insert_events(rows)
    return rows


# --- The parts of it, for those who write the events of several debates at once ------------------


def allot_numbers(
    *,
    debate_id: UUID,
    count: int,
    fence: int | None = None,
    statuses: frozenset[DebateStatus] | None = None,
    changes: Mapping[str, Any] | None = None,
    only_after: int | None = None,
    returning: tuple[str, ...] = (),
) -> tuple[int, tuple[Any, ...]]:
    """Take the debate's lock and so many numbers of its log, which the caller has to fill in the
    same transaction: the first number, and the fields named by `returning` as they now are. With
    `only_after`, that has to be the last number so far.

    RETURNING spares a query while every other writer of the debate waits for the lock. SQLite
    (3.35) and PostgreSQL both know it."""
    where: dict[str, Any] = {"id": debate_id}
    if fence is not None:
        where["fence"] = fence
    if statuses is not None:
        where["status"] = tuple(sorted(statuses))
    if only_after is not None:
        where["last_seq"] = only_after
    found = update_returning(
        Debate, {**(changes or {}), "last_seq": Add(count)}, where, ("last_seq", *returning)
    )
    if found is None:
        raise FenceMoved(str(debate_id))
    return found[0] - count + 1, found[1:]


def number_events(
    *, debate_id: UUID, first: int, events: Sequence[NewEvent], now: datetime
) -> list[EventRow]:
    """The rows of events whose first number is `first`."""
    return [
        EventRow(debate_id, seq, event.type, event.round, event.agent, JSONObject(event.data), now)
        for seq, event in enumerate(events, start=first)
    ]


def insert_events(rows: Sequence[EventRow]) -> None:
    """Write numbered events, of one or several debates."""
    insert_rows(DebateEvent, EventRow._fields, rows)


def publish_after_commit(*, debate_id: UUID, rows: Sequence[EventRow]) -> None:
    """Tell whoever is listening, once the rows are there to be read.

    The log is the truth and the stream a hint: that nobody could be told undoes nothing."""
    transaction.on_commit(partial(_publish, debate_id, rows), robust=True)


def _publish(debate_id: UUID, rows: Sequence[EventRow]) -> None:
    from debates.streaming.publisher import publish

    publish(debate_id, rows)
