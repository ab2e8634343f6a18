"""What becomes of a model call that is over: rows and events. Writes nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, assert_never
from uuid import UUID

from debates.choices import EventType
from debates.engine import codec
from debates.engine.positions import candidate_id
from debates.engine.types import (
    Ballot,
    Call,
    CallKey,
    CritiqueReply,
    Failure,
    PeerCritique,
    Phase,
    Position,
    Reply,
    Revision,
    Selection,
    Usage,
)
from debates.engine.types import Turn as EngineTurn
from debates.models import Turn
from debates.providers.base import AgentSpec, Completion, ProviderError
from debates.providers.meter import Meter
from debates.running.checkpoint import TurnRow, UsageRow, money
from debates.services.events import NewEvent
from debates.services.faults import is_storable
from debates.streaming.events import AgentError, Critique, Propose, RevisionMade, Vote

CUT_OFF = "#cut"
"""Follows the key of a call that came to no turn in `UsageRecord.call`."""
PROPOSER = "proposer"
FAILURE_MESSAGE_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Finished:
    """A call that is over, with everything that is to be known of it."""

    call: Call
    spec: AgentSpec
    """Who was asked."""
    outcome: Reply | Failure
    duration_seconds: float
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    usage_estimated: bool = False
    cost_usd: float = 0.0
    model: str = ""
    served_by: str = ""

    @classmethod
    def answered(
        cls, call: Call, spec: AgentSpec, reply: Reply, completion: Completion, seconds: float
    ) -> Self:
        """The agent answered. What no database could hold is taken out of its words."""
        text = completion.text
        # A text call's reply is made of its text, so only forms need a look of their own.
        if completion.data is not None or not is_storable(text):
            text, reply = storable(text), _storable_reply(reply)
        return cls(
            call=call,
            spec=spec,
            outcome=reply,
            duration_seconds=seconds,
            text=text,
            usage=completion.usage,
            usage_estimated=completion.usage_estimated,
            cost_usd=completion.cost_usd,
            model=storable(completion.model)[:128],
            served_by=completion.served_by,
        )

    @classmethod
    def failed(cls, call: Call, spec: AgentSpec, error: ProviderError, seconds: float) -> Self:
        """The call came to nothing."""
        message = storable(str(error))[:FAILURE_MESSAGE_LENGTH]
        return cls(
            call=call,
            spec=spec,
            outcome=Failure(error.code, message),
            duration_seconds=seconds,
            usage=error.usage,
            usage_estimated=error.usage_estimated,
            cost_usd=error.cost_usd,
        )

    def turn(self) -> EngineTurn:
        """As the engine sees it."""
        return EngineTurn(self.call.key, self.outcome, self.text, self.usage, self.cost_usd)

    def row(self, debate_id: UUID, *, index: int, now: datetime) -> TurnRow:
        """As it is stored; `index` is its place among the debate's turns."""
        key, outcome = self.call.key, self.outcome
        failure = outcome if isinstance(outcome, Failure) else None
        return TurnRow(
            debate_id=debate_id,
            index_=index,
            round=key.round,
            phase=key.phase,
            agent=key.agent,
            part=key.part,
            text=self.text,
            reply=None if isinstance(outcome, Failure) else codec.encode_reply(outcome),
            failure_code=failure.code if failure else "",
            failure_message=failure.message if failure else "",
            model=self.model,
            served_by=self.served_by,
            input_tokens=self.usage.input_tokens,
            output_tokens=self.usage.output_tokens,
            cost_usd=money(self.cost_usd),
            duration_seconds=round(self.duration_seconds, 4),
            created_at=now,
        )

    def usage_rows(self, debate_id: UUID, *, now: datetime, suffix: str = "") -> list[UsageRow]:
        """What it used; none for a call that never got as far as a request."""
        if isinstance(self.outcome, Failure) and not self.usage.total:
            return []
        served = _served(self.spec, self.served_by)
        return [
            UsageRow(
                debate_id=debate_id,
                agent=self.call.key.agent,
                provider=served.provider,
                model=self.model or served.model,
                call=f"{self.call.key}{suffix}",
                input_tokens=self.usage.input_tokens,
                output_tokens=self.usage.output_tokens,
                cost_usd=money(self.cost_usd),
                estimated=self.usage_estimated,
                created_at=now,
            )
        ]


def cut_off_rows(
    debate_id: UUID, call: Call, spec: AgentSpec, meter: Meter, *, now: datetime
) -> list[UsageRow]:
    """What a call used until it was cut off; none when that is nothing."""
    if not meter.usage.total:
        return []
    return [
        UsageRow(
            debate_id=debate_id,
            agent=call.key.agent,
            provider=spec.provider,
            model=spec.model,
            call=f"{call.key}{CUT_OFF}",
            input_tokens=meter.usage.input_tokens,
            output_tokens=meter.usage.output_tokens,
            cost_usd=money(meter.cost_usd),
            estimated=meter.estimated,
            created_at=now,
        )
    ]


def call_key(row: Turn) -> CallKey:
    """The call that a stored turn answered."""
    return CallKey(row.round, Phase(row.phase), row.agent, row.part)


def stored_turn(row: Turn) -> EngineTurn:
    """The reverse of `Finished.row`, as far as the engine cares."""
    return EngineTurn(
        key=call_key(row),
        outcome=(
            Failure(row.failure_code, row.failure_message)
            if row.reply is None
            else codec.decode_reply(row.reply)
        ),
        text=row.text,
        usage=Usage(row.input_tokens, row.output_tokens),
        cost_usd=float(row.cost_usd),
        inherited=row.inherited,
    )


# --- Events ------------------------------------------------------------------------------------


def turn_events(debate_id: str, finished: Finished, turns: Sequence[EngineTurn]) -> list[NewEvent]:
    """What the log says of a turn; `turns` are those before it."""
    key = finished.call.key
    return [
        NewEvent(type, data, round=key.round, agent=key.agent)
        for type, data in _payloads(debate_id, finished, turns)
    ]


def _payloads(
    debate_id: str, finished: Finished, turns: Sequence[EngineTurn]
) -> Iterator[tuple[EventType, Any]]:
    key, outcome = finished.call.key, finished.outcome
    match outcome:
        case Position():
            yield EventType.PROPOSE, _propose(debate_id, key, finished.text, outcome)
        case Revision():
            for critique in outcome.critiques:
                yield EventType.CRITIQUE, _critique(debate_id, key, critique)
            before = _standing_text(key.agent, turns)
            yield EventType.REVISION, _revision(debate_id, key, finished.text, before, outcome)
        case CritiqueReply():
            yield EventType.CRITIQUE, _critique(debate_id, key, outcome.critique)
        case Ballot():
            yield EventType.VOTE, _vote(debate_id, finished.call, outcome)
        case Selection():
            yield EventType.VOTE, _selection(debate_id, finished.call, outcome)
        case Failure():
            yield (
                EventType.AGENT_ERROR,
                AgentError(
                    debate_id=debate_id,
                    round_number=key.round,
                    agent=key.agent,
                    phase=key.phase,
                    code=outcome.code,
                    message=outcome.message,
                    turn_id=str(key),
                ),
            )
        case _:
            assert_never(outcome)


def _propose(debate_id: str, key: CallKey, text: str, position: Position) -> Propose:
    return Propose(
        debate_id=debate_id,
        round_number=key.round,
        agent=key.agent,
        content=text,
        answer=position.answer,
        candidate=candidate_id(position.answer),
        rationale=position.rationale,
        confidence=position.confidence,
        evidence=list(position.evidence),
        role=PROPOSER,
        turn_id=str(key),
    )


def _critique(debate_id: str, key: CallKey, critique: PeerCritique) -> Critique:
    return Critique(
        debate_id=debate_id,
        round_number=key.round,
        agent=key.agent,
        target_agent=critique.target,
        content=critique.text,
        score=round(1.0 - critique.severity, 6),
        issues=list(critique.issues),
        severity=critique.severity,
        turn_id=str(key),
    )


def _revision(
    debate_id: str, key: CallKey, text: str, before: str, revision: Revision
) -> RevisionMade:
    position = revision.position
    return RevisionMade(
        debate_id=debate_id,
        round_number=key.round,
        agent=key.agent,
        content=text,
        original_content=before,
        answer=position.answer,
        candidate=candidate_id(position.answer),
        rationale=position.rationale,
        confidence=position.confidence,
        changed=revision.changed,
        reasoned=revision.reasoned,
        faulty_step=revision.faulty_step,
        turn_id=str(key),
    )


def _vote(debate_id: str, call: Call, ballot: Ballot) -> Vote:
    return Vote(
        debate_id=debate_id,
        round_number=call.key.round,
        agent=call.key.agent,
        choice=_answer(call, ballot.ranking[0]) if ballot.ranking else "",
        ranking=list(ballot.ranking),
        reasoning=ballot.reason,
        confidence=ballot.confidence,
        turn_id=str(call.key),
    )


def _selection(debate_id: str, call: Call, selection: Selection) -> Vote:
    return Vote(
        debate_id=debate_id,
        round_number=call.key.round,
        agent=call.key.agent,
        choice=_answer(call, selection.candidate),
        ranking=[selection.candidate],
        reasoning=selection.reason,
        confidence=1.0,  # A judge selects; it is not asked how sure it is.
        turn_id=str(call.key),
    )


def _answer(call: Call, candidate: str) -> str:
    return next(
        (choice.answer for choice in call.brief.choices if choice.candidate == candidate), ""
    )


def _standing_text(agent: str, turns: Sequence[EngineTurn]) -> str:
    """What the agent wrote when it last took or changed its position."""
    for turn in reversed(turns):
        if turn.key.agent == agent and isinstance(turn.outcome, Position | Revision):
            return turn.text
    return ""


def _served(spec: AgentSpec, name: str) -> AgentSpec:
    """The spec of that name among `spec` and its fallbacks."""
    found: AgentSpec | None = spec
    while found is not None and found.name != name:
        found = found.fallback
    return found or spec


# --- Text that can be stored -------------------------------------------------------------------


def storable(text: str) -> str:
    """The text, with U+FFFD in place of what no database holds."""
    if is_storable(text):
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")


def _storable_reply(reply: Reply) -> Reply:
    written = codec.encode_reply(reply)
    cleaned = _storable_json(written)
    return reply if cleaned == written else codec.decode_reply(cleaned)


def _storable_json(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {key: _storable_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable_json(item) for item in value]
    return value
