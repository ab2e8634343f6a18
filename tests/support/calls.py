"""Calls of every phase, as the engine makes them."""

from __future__ import annotations

from debates.engine.positions import candidate_id
from debates.engine.types import (
    Brief,
    Call,
    CallKey,
    Choice,
    Document,
    Peer,
    Phase,
    Position,
)

OWN = Position("No", "The costs are certain.", 0.6)


def make_call(
    phase: Phase = Phase.DRAFT,
    *,
    agent: str = "ada",
    question: str = "Should the town build the tram?",
    persona: str = "",
    max_output_tokens: int = 512,
) -> Call:
    """A call on the first document, with two peers or two candidates where the phase has such."""
    peers: tuple[Peer, ...] = ()
    if phase in {Phase.EXCHANGE, Phase.CRITIQUE}:
        peers = (Peer("A", "Yes", "People want it."), Peer("B", "Yes", "It pays."))
    if phase is Phase.CRITIQUE:
        peers = peers[:1]
    choices: tuple[Choice, ...] = ()
    if phase in {Phase.VOTE, Phase.JUDGE}:
        choices = (
            Choice("A", candidate_id("No"), "No", "The costs are certain."),
            Choice("B", candidate_id("Yes"), "Yes", "People want it."),
        )
    return Call(
        key=CallKey(1, phase, agent),
        brief=Brief(
            question=question,
            context="",
            documents=(Document(1, "Report", "Towns that built one kept it."),),
            persona=persona,
            own=OWN if phase in {Phase.EXCHANGE, Phase.REVISE} else None,
            peers=peers,
            choices=choices,
        ),
        max_output_tokens=max_output_tokens,
        peer_names=("ben", "cleo")[: len(peers)],
    )
