"""Forks: what a panel would have come to, had something been otherwise from some point on.

A fork stands where its parent stood after a round: it has the parent's turns up to there, as turns
and events of its own that used nothing and cost nothing, and whoever takes it up goes on as with a
debate that was interrupted there. So it is read, decided again and exported like any other debate,
also when its parent is gone.

The branch point is a round. Everything that was said up to its end is kept, but for its ballots and
the judge's selections. At 0, that is the blind answers alone: they do not know of one another, so
that those of the agents who stay are as good beside new ones, and one that had failed is asked for
anew. Later rounds answer to the whole panel, so from 1 on it stays the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from debates.choices import EventType, Origin
from debates.engine.planner import next_step
from debates.engine.protocols import protocol_of
from debates.engine.transcript import CLOSING_PHASES, Shape
from debates.engine.types import Ask, Fail, Phase, Setup, Spent
from debates.exceptions import InvalidInput, StateForbids
from debates.models import Debate, DebateEvent, Round, Turn
from debates.running.records import call_key, stored_turn
from debates.selectors.objects import agent_names
from debates.selectors.snapshot import MESSAGE_TYPES
from debates.services.branching import Changes, request_like
from debates.services.creation import Branch, Legacy, check_may_create, create_planned
from debates.services.events import NewEvent
from debates.services.planning import plan_debate

_OF_A_TURN = frozenset(
    {
        *(EventType.PROPOSE, EventType.CRITIQUE, EventType.REVISION, EventType.VOTE),
        EventType.AGENT_ERROR,
    }
)
_OF_A_ROUND_THAT_IS_OVER = frozenset({EventType.CONVERGENCE, EventType.ROUND_END})


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork that was made."""

    debate: Debate
    messages_inherited: int


def fork_debate(
    *, debate: Debate, branch_point: int, changes: Changes, owner: User | None, now: datetime
) -> Fork:
    """Keep what was said in `debate` up to a round, and have the rest argued anew.

    Of the changes, `context` is what the panel has before it from there on, and `agents` who goes
    on. Raises `StateForbids` while the debate goes on, `InvalidInput`, about `branch_point` where
    it is no round that was held to its end or leaves nothing to argue, `SignInRequired` or
    `QueueFull`."""
    if not debate.is_over:
        raise StateForbids(f"The debate is {debate.status}; fork it when it is over.")
    check_may_create(owner)
    request = request_like(debate, changes)
    plan = plan_debate(request=request, owner=owner)
    part = _Part(protocol_of(plan.setup).shape, branch_point, _names(plan.setup))
    _check_panel(part, debate)
    turns = _turns(debate, part)
    _check_place(part, plan.setup, turns)
    legacy = _legacy(debate, part, turns, now)
    made = create_planned(
        request=request,
        plan=plan,
        owner=owner,
        now=now,
        branch=Branch(debate.pk, Origin.FORK, branch_point, legacy),
    )
    return Fork(made, sum(event.type in MESSAGE_TYPES for event in legacy.events))


@dataclass(frozen=True, slots=True)
class _Part:
    """What is kept of a debate."""

    shape: Shape
    branch_point: int
    names: frozenset[str]
    """Who goes on."""

    @property
    def last_round(self) -> int:
        """The round that stays open: what comes next ends it."""
        return max(self.branch_point, self.shape.first_round)

    def holds(self, number: int, phase: Phase) -> bool:
        """Whether a phase of a round is kept."""
        if phase is self.shape.opening:
            return True
        last = self.branch_point
        return 0 < number <= last and not (number == last and phase in CLOSING_PHASES)


def _names(setup: Setup) -> frozenset[str]:
    return frozenset(panelist.name for panelist in setup.panel)


def _check_panel(part: _Part, debate: Debate) -> None:
    if part.branch_point and part.names != set(agent_names(debate)):
        raise _wrong(
            "agents",
            "Other agents can come in only at branch point 0, beside the blind answers: what is "
            "said later answers to the whole panel.",
        )


def _turns(debate: Debate, part: _Part) -> list[Turn]:
    """The turns that are kept, in their order, as they are stored."""
    rows = Turn.objects.filter(debate=debate).order_by("index")
    return [
        row
        for row in rows
        if part.holds(row.round, Phase(row.phase))
        and (row.agent in part.names or row.phase == Phase.JUDGE)
        and (part.branch_point or not row.failure_code)
    ]


def _check_place(part: _Part, setup: Setup, turns: Sequence[Turn]) -> None:
    """The engine says what would come next."""
    point = part.branch_point
    held = max((row.round for row in turns if row.phase != part.shape.opening), default=0)
    if not 0 <= point <= held:
        rounds = f"Use 0 to {held}" if held else "Use 0"
        raise _wrong("branch_point", f"{rounds}: the debate was held that far.")
    if not turns:
        raise _wrong(
            "branch_point", "Nobody who goes on had answered: there is nothing to keep. Clone it."
        )
    match next_step(setup, map(stored_turn, turns), Spent()):
        case Ask(number, phase):
            if point and number <= point and phase not in CLOSING_PHASES:
                raise _wrong("branch_point", f"Round {point} was not held to its end.")
        case Fail(_, message):
            raise _wrong("branch_point", f"The debate could not go on from there: {message}")
        case _:
            raise _wrong(
                "branch_point",
                "From there nothing would be left to argue or to vote on. Choose an earlier round, "
                "or at branch point 0 another agent.",
            )


def _legacy(debate: Debate, part: _Part, turns: Sequence[Turn], now: datetime) -> Legacy:
    keys = {str(call_key(row)) for row in turns}
    told = DebateEvent.objects.filter(debate=debate).order_by("seq")
    kept = [row for row in told if _is_kept(row, part, keys)]
    phases = [row.data for row in kept if row.type == EventType.PHASE_CHANGE]
    return Legacy(
        turns=[_free(row, index, now) for index, row in enumerate(turns)],
        rounds=list(_rounds(debate, part, now)),
        events=[NewEvent(EventType(row.type), _data(row), row.round, row.agent) for row in kept],
        place={"round": phases[-1]["round_number"], "phase": phases[-1]["to_phase"]},
    )


def _is_kept(event: DebateEvent, part: _Part, keys: Collection[str]) -> bool:
    data = event.data
    if event.type in _OF_A_TURN:
        return data["turn_id"] in keys
    if event.type == EventType.PHASE_CHANGE:
        return part.holds(data["round_number"], Phase(data["to_phase"]))
    if event.type == EventType.ROUND_START:
        return bool(data["round_number"] <= part.last_round)
    if event.type in _OF_A_ROUND_THAT_IS_OVER:
        return bool(data["round_number"] < part.last_round)
    return event.type == EventType.MEMORY_RECALL


def _data(event: DebateEvent) -> dict[str, Any]:
    """Without what the audience of the parent suggested, which the fork does not have."""
    data = {name: value for name, value in event.data.items() if name != "suggestions"}
    return {**data, "inherited": True} if event.type in _OF_A_TURN else data


def _free(turn: Turn, index: int, now: datetime) -> Turn:
    """The same turn, of no debate yet, which nobody pays for again."""
    return Turn(
        index=index,
        round=turn.round,
        phase=turn.phase,
        agent=turn.agent,
        part=turn.part,
        text=turn.text,
        reply=turn.reply,
        failure_code=turn.failure_code,
        failure_message=turn.failure_message,
        model=turn.model,
        served_by=turn.served_by,
        inherited=True,
        created_at=now,
    )


def _rounds(debate: Debate, part: _Part, now: datetime) -> Iterator[Round]:
    """The rounds that were begun; the last of them goes on."""
    for row in Round.objects.filter(debate=debate, number__lte=part.last_round).order_by("number"):
        goes_on = row.number == part.last_round
        yield Round(
            number=row.number,
            started_at=now,
            ended_at=None if goes_on else now,
            agreement=None if goes_on else row.agreement,
            stability=None if goes_on else row.stability,
        )


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields=((field, message),))
