"""What was said, folded from the event log. Pure.

A snapshot is the fold of the events up to its `seq`, so a client that applies the later events to
it has, by construction, what a fresh snapshot holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from debates.choices import EventType
from debates.streaming.events import (
    AgentError,
    AudienceTally,
    Consensus,
    Critique,
    DebateEnd,
    Propose,
    RevisionMade,
    Vote,
)


class AgentRound(TypedDict):
    """What one agent did in one round."""

    agent: str
    proposal: Propose | None
    revision: RevisionMade | None
    critiques: list[Critique]
    """Those that it made."""
    votes: list[Vote]
    """One ballot; of a judge, one selection for each order."""
    errors: list[AgentError]


class RoundState(TypedDict):
    number: int
    """0 holds the blind drafts."""
    started_at: str
    ended_at: str | None
    duration_seconds: float | None
    agreement: float | None
    stability: float | None
    agents: list[AgentRound]
    """The panel in the order of names, then others who spoke: the judge."""


class Note(TypedDict):
    """An event that belongs to no agent's column: a hollow majority, a pause, a person's word."""

    seq: int
    type: str
    timestamp: str
    round: int | None
    agent: str | None
    data: dict[str, Any]


class Transcript(TypedDict):
    """The debate as far as the events tell it."""

    agents: list[str]
    phase: str
    rounds: list[RoundState]
    verdict: Consensus | None
    audience: AudienceTally
    notes: list[Note]
    end: DebateEnd | None


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as it is logged. `timestamp` is ISO 8601."""

    seq: int
    type: str
    data: Mapping[str, Any]
    timestamp: str
    round: int | None = None
    agent: str | None = None


def fold(agents: Sequence[str], events: Iterable[LoggedEvent]) -> Transcript:
    """The transcript after `events`, which are all of a debate's from the first, in order."""
    transcript = Transcript(
        agents=list(agents),
        phase="",
        rounds=[],
        verdict=None,
        audience=AudienceTally(voters=0, candidates=[]),
        notes=[],
        end=None,
    )
    for event in events:
        apply(transcript, event)
    return transcript


def apply(transcript: Transcript, event: LoggedEvent) -> None:
    """Let one more event happen to the transcript, in place."""
    handle = _HANDLERS.get(EventType(event.type), _note)
    if handle is not None:
        handle(transcript, event)


def _phase_change(transcript: Transcript, event: LoggedEvent) -> None:
    transcript["phase"] = event.data["to_phase"]


def _round_start(transcript: Transcript, event: LoggedEvent) -> None:
    _round(transcript, event)


def _propose(transcript: Transcript, event: LoggedEvent) -> None:
    _agent(transcript, event)["proposal"] = cast(Propose, event.data)


def _revision(transcript: Transcript, event: LoggedEvent) -> None:
    _agent(transcript, event)["revision"] = cast(RevisionMade, event.data)


def _critique(transcript: Transcript, event: LoggedEvent) -> None:
    _agent(transcript, event)["critiques"].append(cast(Critique, event.data))


def _vote(transcript: Transcript, event: LoggedEvent) -> None:
    _agent(transcript, event)["votes"].append(cast(Vote, event.data))


def _agent_error(transcript: Transcript, event: LoggedEvent) -> None:
    _agent(transcript, event)["errors"].append(cast(AgentError, event.data))


def _convergence(transcript: Transcript, event: LoggedEvent) -> None:
    round_ = _round(transcript, event)
    round_["agreement"] = event.data["agreement"]
    round_["stability"] = event.data["stability"]


def _round_end(transcript: Transcript, event: LoggedEvent) -> None:
    round_ = _round(transcript, event)
    round_["ended_at"] = event.timestamp
    round_["duration_seconds"] = event.data["duration_seconds"]


def _consensus(transcript: Transcript, event: LoggedEvent) -> None:
    transcript["verdict"] = cast(Consensus, event.data)


def _user_vote(transcript: Transcript, event: LoggedEvent) -> None:
    transcript["audience"] = cast(AudienceTally, event.data["tally"])


def _debate_end(transcript: Transcript, event: LoggedEvent) -> None:
    transcript["end"] = cast(DebateEnd, event.data)
    transcript["phase"] = ""


def _note(transcript: Transcript, event: LoggedEvent) -> None:
    transcript["notes"].append(
        Note(
            seq=event.seq,
            type=event.type,
            timestamp=event.timestamp,
            round=event.round,
            agent=event.agent,
            data=dict(event.data),
        )
    )


_HANDLERS: Mapping[EventType, Callable[[Transcript, LoggedEvent], None] | None] = {
    # The debate object tells these two, and `consensus` what `consensus_reached` repeats.
    EventType.DEBATE_QUEUED: None,
    EventType.DEBATE_START: None,
    EventType.CONSENSUS_REACHED: None,
    EventType.PHASE_CHANGE: _phase_change,
    EventType.ROUND_START: _round_start,
    EventType.PROPOSE: _propose,
    EventType.CRITIQUE: _critique,
    EventType.REVISION: _revision,
    EventType.AGENT_ERROR: _agent_error,
    EventType.VOTE: _vote,
    EventType.CONVERGENCE: _convergence,
    EventType.CONSENSUS: _consensus,
    EventType.ROUND_END: _round_end,
    EventType.USER_VOTE: _user_vote,
    EventType.DEBATE_END: _debate_end,
}


def _round(transcript: Transcript, event: LoggedEvent) -> RoundState:
    """The event's round, begun by it if nothing of the round was heard before."""
    number = event.data["round_number"]
    for round_ in reversed(transcript["rounds"]):
        if round_["number"] == number:
            return round_
    begun = RoundState(
        number=number,
        started_at=event.timestamp,
        ended_at=None,
        duration_seconds=None,
        agreement=None,
        stability=None,
        agents=[_silent(agent) for agent in transcript["agents"]],
    )
    transcript["rounds"].append(begun)
    return begun


def _agent(transcript: Transcript, event: LoggedEvent) -> AgentRound:
    agents = _round(transcript, event)["agents"]
    name = event.data["agent"]
    for column in agents:
        if column["agent"] == name:
            return column
    agents.append(_silent(name))
    return agents[-1]


def _silent(agent: str) -> AgentRound:
    return AgentRound(agent=agent, proposal=None, revision=None, critiques=[], votes=[], errors=[])
