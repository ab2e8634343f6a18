"""What people who steer a debate say to its panel: an intervention for a round, or a turn of their
own.

Both wait for an exchange like suggestions of the audience, before which they go, and are shown to
agents as quotations. They change neither the protocol nor the decision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from debates.choices import EventType
from debates.engine.hearing import next_hearing
from debates.engine.types import HeardAs, Phase, ProtocolName
from debates.exceptions import InvalidInput, StateForbids
from debates.models import Debate, Suggestion
from debates.models.audience import MAX_INTERVENTION_LENGTH
from debates.selectors.snapshot import HUMAN
from debates.services.audience import next_number
from debates.services.control import changing
from debates.services.events import NewEvent, append_events, publish_after_commit
from debates.services.faults import UNSTORABLE, is_storable
from debates.streaming.events import AgentMessage, Intervention
from debates.visitors import Person

KINDS = tuple(kind for kind in HeardAs if kind is not HeardAs.SUGGESTION)
NEXT_ROUND = 0
"""As `apply_at_round`: the next exchange."""
MAX_FOR_A_ROUND = 5
"""As many as an exchange may be shown."""


@dataclass(frozen=True, slots=True)
class Queued:
    """An intervention as it is kept."""

    number: int
    text: str
    apply_at_round: int
    said_in_round: int
    """Under way when it was said."""


def intervene(
    *,
    debate_id: UUID,
    person: Person,
    kind: HeardAs,
    text: str,
    apply_at_round: int = NEXT_ROUND,
    now: datetime,
) -> Queued:
    """Have the exchange of a round shown something. If it has no room for it, a later one is.

    Raises `NotFound`, `SignInRequired` or `NotAllowed` for somebody who may not steer the debate;
    `InvalidInput`; and `StateForbids` when the debate or the round is past or has enough."""
    said = _cleaned(text)
    with changing(debate_id=debate_id, actor=person.viewer) as debate:
        round_number = _round_for(debate, apply_at_round)
        _check_room(debate, round_number)
        kept = Suggestion.objects.create(
            debate=debate,
            number=next_number(debate),
            person=person.key,
            source=person.source,
            kind=kind.value,
            text=said,
            apply_at_round=round_number,
            created_at=now,
        )
        event = _event(debate, kept, kind, person)
        rows = append_events(debate_id=debate.pk, events=[event], now=now)
        publish_after_commit(debate_id=debate.pk, rows=rows)
        return Queued(kept.number, said, round_number, debate.round)


# --- What is asked for -------------------------------------------------------------------------

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _cleaned(text: str) -> str:
    """Without control characters, but for tabs and the ends of lines."""
    if not is_storable(text):
        raise _wrong("content", UNSTORABLE)
    said = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not said:
        raise _wrong("content", "Say what the panel should take up.")
    if len(said) > MAX_INTERVENTION_LENGTH:
        raise _wrong(
            "content",
            f"Use at most {MAX_INTERVENTION_LENGTH:,} characters; these are {len(said):,}.",
        )
    return said


def _round_for(debate: Debate, wanted: int) -> int:
    """The round that is meant, if it can still be told something. Under the debate's lock; but a
    worker that is about to begin the round may have read what waits for it, and what comes then is
    heard in the next one, or missed."""
    if debate.is_over:
        raise StateForbids(f"The debate is {debate.status}; its panel hears nothing more.")
    if debate.stop_requested:
        raise StateForbids("The panel was asked for its verdict; there is no exchange to come.")
    if not NEXT_ROUND <= wanted <= debate.rounds:
        raise _wrong(
            "apply_at_round",
            f"Use a round from 1 to {debate.rounds}, or {NEXT_ROUND} for the next exchange.",
        )
    phase = Phase(debate.phase) if debate.phase else None
    following = next_hearing(ProtocolName(debate.protocol), phase=phase, round_number=debate.round)
    if following is None or following > debate.rounds:
        raise StateForbids("The last exchange of this debate has begun; there is none to come.")
    if wanted != NEXT_ROUND and wanted < following:
        raise StateForbids(
            f"The exchange of round {wanted} has begun; the next one is that of round {following}."
        )
    return wanted or following


def _check_room(debate: Debate, round_number: int) -> None:
    waiting = Suggestion.objects.filter(debate=debate, apply_at_round=round_number)
    if waiting.count() >= MAX_FOR_A_ROUND:
        raise StateForbids(
            f"Round {round_number} has as many interventions as it can hear. Choose a later one."
        )


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields=((field, message),))


# --- What is told ------------------------------------------------------------------------------


def _event(debate: Debate, kept: Suggestion, kind: HeardAs, person: Person) -> NewEvent:
    alias = person.alias(debate.pk)
    if kind is HeardAs.MESSAGE:
        message = AgentMessage(
            debate_id=str(debate.pk),
            round_number=debate.round,
            agent="",
            content=kept.text,
            confidence=None,
            role=HUMAN,
            user_id=alias,
            number=kept.number,
            apply_at_round=kept.apply_at_round,
        )
        return NewEvent(EventType.AGENT_MESSAGE, message, round=debate.round)
    intervention = Intervention(
        debate_id=str(debate.pk),
        type=kind.value,
        content=kept.text,
        apply_at_round=kept.apply_at_round,
        number=kept.number,
        user_id=alias,
    )
    return NewEvent(EventType.INTERVENTION, intervention, round=debate.round)
