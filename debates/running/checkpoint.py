"""What a worker writes while a debate runs: turns, rounds, usage and events, under the fence.

Checkpoints of one or several debates share a transaction. Each debate is locked, and its fence
checked, by the one UPDATE that also counts its tokens and allots the numbers of its events; a
debate whose fence has moved is left out, and nothing of it is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import Error, transaction

from aragora_site.bulk import Add, insert_rows, update_rows
from aragora_site.outages import may_succeed_later
from aragora_site.tenancy.scopes import Purpose, across_tenants, act_for
from debates.choices import DebateStatus
from debates.models import Debate, DebateEvent, Round, Suggestion, Turn, UsageRecord
from debates.services.events import (
    EventRow,
    FenceMoved,
    NewEvent,
    allot_numbers,
    insert_events,
    number_events,
)

MICRODOLLAR = Decimal("0.000001")
"""What costs are counted in."""


class TurnRow(NamedTuple):
    """A turn as it is written; the fields are those of `Turn`, without the underscore, which keeps
    them apart from a tuple's own."""

    debate_id: UUID
    index_: int
    round: int
    phase: str
    agent: str
    part: str
    text: str
    reply: Mapping[str, Any] | None
    failure_code: str
    failure_message: str
    model: str
    served_by: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    duration_seconds: float
    created_at: datetime


_TURN_FIELDS = tuple(name.rstrip("_") for name in TurnRow._fields)


class UsageRow(NamedTuple):
    """What a call used, as it is written; the fields are those of `UsageRecord`."""

    debate_id: UUID | None
    agent: str
    provider: str
    model: str
    call: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    estimated: bool
    created_at: datetime


class Opening(NamedTuple):
    """A round that begins; the fields are those of `Round`."""

    debate_id: UUID
    number: int
    started_at: datetime


class Closing(NamedTuple):
    """A round that is over; the fields are those of `Round`."""

    ended_at: datetime
    agreement: float
    stability: float | None
    debate_id: UUID
    number: int


class Offer(NamedTuple):
    """A suggestion or an intervention that the agents are shown in a round; the fields are those
    of `Suggestion`."""

    offered_in_round: int
    debate_id: UUID
    number: int


class Figures(NamedTuple):
    """What a debate has used; the fields are those of `Debate`."""

    input_tokens: int
    output_tokens: int
    cost_usd: float


class Standing(NamedTuple):
    """What a worker learns of its debate when it has written a step."""

    status: DebateStatus
    stop_requested: bool
    rows: list[EventRow]
    """The events of the step."""
    last_seq: int
    """The number of the last of them; without any, of the last event before."""


class Disturbed(Exception):
    """The log was not where the step wanted it, or the fence has moved; nothing was written."""


class Unanswered(Exception):
    """The connection was cut when the steps were to be committed: they are written, or not."""

    def __init__(self, outcomes: Sequence[Outcome], error: Error) -> None:
        """`outcomes`: what has become of the steps, if they are written. `error`: what the database
        raised instead of an answer."""
        super().__init__()
        self.outcomes = list(outcomes)
        self.error = error


class Unwritten(Exception):
    """It was not tried, since it cannot be known whether what came before it is written."""


def reason_behind(error: BaseException) -> BaseException:
    """Why what comes after a step that failed so is not written: of that much is known."""
    return Unwritten() if isinstance(error, Unanswered) else error


_STANDING = ("status", "stop_requested")
Key = tuple[UUID, int]
"""Who writes: a debate, and the fence under which it was claimed."""
Outcome = Standing | FenceMoved | Disturbed


class Finale(Protocol):
    """What else is written with the last checkpoint of a debate."""

    @property
    def event_count(self) -> int:
        """How many events it adds."""
        ...

    @property
    def locks_more(self) -> bool:
        """Whether it locks more than its own debate."""
        ...

    def write(self, figures: Figures, disturbed: bool) -> list[NewEvent]:
        """Write it, in the transaction that holds the debate's lock; `event_count` events.
        `disturbed`: somebody else has written to the log since the worker last looked."""
        ...


class Checkpoint(NamedTuple):
    """One step of one debate. The worker that owns the fence has numbered its turns."""

    debate_id: UUID
    fence: int
    now: datetime
    events: Sequence[NewEvent] = ()
    changes: Mapping[str, Any] = MappingProxyType({})
    """Of the debate's row: absolute values, so that the later of two wins."""
    turns: Sequence[TurnRow] = ()
    usage: Sequence[UsageRow] = ()
    opened: Sequence[Opening] = ()
    closed: Sequence[Closing] = ()
    offered: Sequence[Offer] = ()
    finale: Finale | None = None
    after: int | None = None
    """The number of the log's last event before this step, if only its worker has written."""
    undisturbed_only: bool = False
    """Write it only if that is so."""
    tenant: UUID | None = None
    """The workspace of the debate."""

    @property
    def key(self) -> Key:
        return self.debate_id, self.fence

    @property
    def event_count(self) -> int:
        return len(self.events) + (self.finale.event_count if self.finale else 0)


def write_checkpoints(checkpoints: Sequence[Checkpoint]) -> list[Outcome]:
    """Write the steps in one transaction; what became of each, in their order. Raises `Unanswered`
    where that cannot be known.

    Publishing the events is left to the caller, who knows when it is committed."""
    outcomes: list[Outcome] = []
    try:
        with act_for(*(step.tenant for step in checkpoints)), transaction.atomic():
            outcomes = _write(checkpoints)
    except Error as error:
        if outcomes and may_succeed_later(error):
            raise Unanswered(outcomes, error) from error
        raise
    return outcomes


@across_tenants(Purpose.QUEUE)
def are_written(outcomes: Sequence[Outcome]) -> bool:
    """Whether steps are in the log of which nobody answered. Waits for a transaction that is still
    writing them."""
    last = {row.debate_id: row for one in outcomes if isinstance(one, Standing) for row in one.rows}
    with transaction.atomic():
        # The transaction holds all their locks, so one is enough to wait for it.
        list(Debate.objects.select_for_update().filter(pk__in=[*last][:1]).values_list("pk"))
        # Any of them will do: a debate may have been deleted meanwhile.
        return any(
            DebateEvent.objects.filter(
                debate_id=row.debate_id, seq=row.seq, type=row.type, created_at=row.created_at
            ).exists()
            for row in last.values()
        )


def _write(checkpoints: Sequence[Checkpoint]) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    events: list[EventRow] = []
    for places in _of_each_debate(checkpoints):
        found = _advance_one([checkpoints[place] for place in places])
        outcomes.update(zip(places, found, strict=True))
        events += [row for one in found if isinstance(one, Standing) for row in one.rows]
    kept = [step for place, step in enumerate(checkpoints) if isinstance(outcomes[place], Standing)]
    insert_rows(Round, Opening._fields, [row for step in kept for row in step.opened])
    insert_rows(Turn, _TURN_FIELDS, [row for step in kept for row in step.turns])
    insert_rows(UsageRecord, UsageRow._fields, [row for step in kept for row in step.usage])
    insert_events(events)
    closed = [row for step in kept for row in step.closed]
    update_rows(Round, Closing._fields[:3], Closing._fields[3:], closed)
    offered = [row for step in kept for row in step.offered]
    update_rows(Suggestion, Offer._fields[:1], Offer._fields[1:], offered)
    return [outcomes[place] for place in range(len(checkpoints))]


def _of_each_debate(checkpoints: Sequence[Checkpoint]) -> list[list[int]]:
    """The places of the steps of each debate, in their order."""
    places: dict[Key, list[int]] = {}
    for place, step in enumerate(checkpoints):
        places.setdefault(step.key, []).append(place)
    return list(places.values())


def _advance_one(steps: Sequence[Checkpoint]) -> list[Outcome]:
    """Take a debate as many of its steps forward as it can go: what became of each.

    In one go, as long as nobody else speaks; otherwise up to a step that depends on that, which is
    then seen to by itself."""
    known = steps[0].after is not None
    if known and any(step.undisturbed_only for step in steps[1:]):
        with contextlib.suppress(Disturbed):
            return [*_advance(steps, undisturbed_only=True)]
    outcomes: list[Outcome] = []
    for part in _parts(steps):
        try:
            outcomes += _advance(part, undisturbed_only=part[0].undisturbed_only)
        except (FenceMoved, Disturbed) as error:
            outcomes += [error] * len(part)
    return outcomes


def _parts(steps: Sequence[Checkpoint]) -> list[list[Checkpoint]]:
    """Each step that depends on what is found begins a part."""
    parts: list[list[Checkpoint]] = []
    for step in steps:
        if not parts or step.undisturbed_only:
            parts.append([])
        parts[-1].append(step)
    return parts


def _advance(steps: Sequence[Checkpoint], *, undisturbed_only: bool) -> list[Standing]:
    """Take the debate's lock, count what it used, write its finale, number its events. Raises
    `FenceMoved`; or `Disturbed`, if it is to be done only if nobody else has spoken."""
    head, changes = steps[0], dict[str, Any]()
    for step in steps:
        changes.update(step.changes)
    changes.update(spending([row for step in steps for row in step.usage]))
    total = sum(step.event_count for step in steps)
    try:
        number, found = allot_numbers(
            debate_id=head.debate_id,
            count=total,
            fence=head.fence,
            changes=changes,
            only_after=head.after if undisturbed_only else None,
            returning=(*Figures._fields, *_STANDING),
        )
    except FenceMoved as error:
        if not undisturbed_only:
            raise
        raise Disturbed(str(head.debate_id)) from error
    disturbed = number - 1 != head.after
    figures, status, stop_requested = Figures(*found[:3]), DebateStatus(found[3]), bool(found[4])
    standings = []
    for step in steps:
        events = [*step.events, *(step.finale.write(figures, disturbed) if step.finale else ())]
        rows = number_events(debate_id=step.debate_id, first=number, events=events, now=step.now)
        number += len(rows)
        standings.append(Standing(status, stop_requested, rows, number - 1))
    return standings


def spending(rows: Sequence[UsageRow]) -> dict[str, Any]:
    """The changes that keep a debate's counters equal to the sum of its usage records."""
    if not rows:
        return {}
    return {
        "input_tokens": Add(sum(row.input_tokens for row in rows)),
        "output_tokens": Add(sum(row.output_tokens for row in rows)),
        "cost_usd": Add(sum((row.cost_usd for row in rows), Decimal(0))),
    }


def record_strays(debate_id: UUID, rows: Sequence[UsageRow], *, tenant: UUID | None) -> None:
    """Write down what calls used that came to no turn: cut off, or finished after the debate was
    somebody else's. Money that was spent is counted whoever owns the debate."""
    with act_for(tenant), transaction.atomic():
        try:
            allot_numbers(debate_id=debate_id, count=0, changes=spending(rows))
        except FenceMoved:  # The debate was deleted.
            nobodys = [row._replace(debate_id=None) for row in rows]
            with across_tenants(Purpose.CLEANING):
                insert_rows(UsageRecord, UsageRow._fields, nobodys)
        else:
            insert_rows(UsageRecord, UsageRow._fields, rows)


def money(amount: float) -> Decimal:
    """US dollars as they are stored."""
    return Decimal(amount).quantize(MICRODOLLAR)
