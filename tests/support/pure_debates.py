"""Whole debates among extractive agents through the engine alone: no database, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from debates.engine import replies
from debates.engine.planner import next_step
from debates.engine.types import (
    Ask,
    Call,
    DecisionMode,
    Document,
    Fail,
    Panelist,
    Phase,
    ProtocolName,
    Setup,
    Spent,
    Turn,
    Verdict,
)
from debates.providers.extractive.balloting import fill_form
from debates.providers.extractive.composing import compose
from debates.providers.extractive.personas import DEFAULT_PERSONAS, Persona

STRUCTURED = frozenset({Phase.VOTE, Phase.JUDGE})
PANEL, JUDGE = DEFAULT_PERSONAS[:3], DEFAULT_PERSONAS[3]


@dataclass(frozen=True)
class PureDebate:
    """A debate that is over."""

    setup: Setup
    turns: tuple[Turn, ...]
    verdict: Verdict

    def of_phase(self, phase: Phase) -> list[Turn]:
        return [turn for turn in self.turns if turn.key.phase is phase]


def answer(call: Call) -> Turn:
    """What an extractive agent replies to a call, read back from what it wrote."""
    if call.key.phase in STRUCTURED:
        form = fill_form(call)
        return Turn(call.key, replies.parse(call, "", form), form["reason"])
    text = replies.write(call, compose(call))
    return Turn(call.key, replies.parse(call, text), text)


def debate(
    question: str,
    documents: Sequence[Document] = (),
    *,
    panel: Sequence[Persona] = PANEL,
    judge: Persona | None = JUDGE,
    protocol: ProtocolName = ProtocolName.ADAPTIVE,
    decision: DecisionMode = DecisionMode.AUTO,
    rounds: int = 3,
) -> PureDebate:
    """Run one to its verdict."""
    setup = Setup(
        question=question,
        panel=tuple(map(panelist, panel)),
        judge=panelist(judge) if judge else None,
        documents=tuple(documents),
        protocol=protocol,
        decision=decision,
        rounds=rounds,
        seed=7,
    )
    turns: tuple[Turn, ...] = ()
    while isinstance(step := next_step(setup, turns, Spent()), Ask):
        turns += tuple(map(answer, step.calls))
    assert not isinstance(step, Fail), step.message
    return PureDebate(setup, turns, step.verdict)


def panelist(persona: Persona) -> Panelist:
    return Panelist(
        name=persona.agent,
        family="extractive",
        persona=persona.description,
        is_language_model=False,
    )
