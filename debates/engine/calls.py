"""The calls that a protocol makes, from the transcript and the seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from debates.engine.anonymity import choose_peers, letters, shorten, shuffled
from debates.engine.transcript import Transcript
from debates.engine.types import (
    Brief,
    Call,
    CallKey,
    Candidate,
    Choice,
    CritiqueReply,
    Heard,
    Objection,
    Panelist,
    Peer,
    Phase,
    Position,
    Recalled,
    Setup,
    Turn,
)

JUDGE_ORDERS = ("forward", "backward")


def opening_call(setup: Setup, panelist: Panelist, round_number: int, phase: Phase) -> Call:
    """DRAFT or PROPOSE: blind, but for what earlier debates came to."""
    return _call(setup, panelist, round_number, phase, recalled=setup.recalled)


def exchange_call(
    transcript: Transcript, panelist: Panelist, round_number: int, heard: tuple[Heard, ...]
) -> Call:
    """EXCHANGE: the reader's own position and the peers chosen for it."""
    setup = transcript.setup
    standing = transcript.standing[round_number - 1]
    names = choose_peers(
        panelist.name,
        transcript.answers[round_number - 1],
        seed=setup.seed,
        round_number=round_number,
    )
    return _call(
        setup,
        panelist,
        round_number,
        Phase.EXCHANGE,
        own=standing[panelist.name],
        peers=_peers(names, standing),
        peer_names=tuple(names),
        heard=heard,
    )


def critique_call(
    transcript: Transcript, panelist: Panelist, round_number: int, target: str
) -> Call:
    """CRITIQUE: one peer's proposal. The part of its key names the target."""
    return _call(
        transcript.setup,
        panelist,
        round_number,
        Phase.CRITIQUE,
        part=target,
        peers=_peers([target], transcript.standing[round_number - 1]),
        peer_names=(target,),
    )


def revise_call(
    transcript: Transcript,
    panelist: Panelist,
    round_number: int,
    objections: tuple[Objection, ...],
    heard: tuple[Heard, ...],
) -> Call:
    """REVISE: the agent's own proposal and what is held against it."""
    return _call(
        transcript.setup,
        panelist,
        round_number,
        Phase.REVISE,
        own=transcript.standing[round_number - 1][panelist.name],
        objections=objections,
        heard=heard,
    )


def vote_call(transcript: Transcript, panelist: Panelist, candidates: Sequence[Candidate]) -> Call:
    """VOTE: the candidates, shuffled and lettered for this voter.

    The brief holds the voter's own position, which no prompt shows: a language model compares
    answers without being told which is its own, and a voter by published rules has to know what it
    stands for, or it could not tell a reason to leave it."""
    round_number = transcript.closing_round
    order = shuffled(
        [candidate.id for candidate in candidates],
        transcript.setup.seed,
        f"ballot:{round_number}:{panelist.name}",
    )
    return _call(
        transcript.setup,
        panelist,
        round_number,
        Phase.VOTE,
        own=transcript.positions[panelist.name],
        choices=_choices(order, candidates),
    )


def judge_call(
    transcript: Transcript, judge: Panelist, candidates: Sequence[Candidate], part: str
) -> Call:
    """JUDGE: the candidates in a drawn order, or in its reverse. Letters follow the place, so that
    a candidate changes both."""
    round_number = transcript.closing_round
    order = shuffled(
        [candidate.id for candidate in candidates], transcript.setup.seed, f"judge:{round_number}"
    )
    if part == "backward":
        order.reverse()
    return _call(
        transcript.setup,
        judge,
        round_number,
        Phase.JUDGE,
        part=part,
        choices=_choices(order, candidates),
    )


def objections_to(critiques: Mapping[str, Turn]) -> dict[str, tuple[Objection, ...]]:
    """What was held against each target, unsigned."""
    found: dict[str, list[Objection]] = {}
    for _, turn in sorted(critiques.items()):
        if isinstance(turn.outcome, CritiqueReply):
            critique = turn.outcome.critique
            objection = Objection(critique.issues, critique.severity, critique.text)
            # The key says whom the call was about; a reply cannot speak of somebody else.
            found.setdefault(turn.key.part, []).append(objection)
    return {target: tuple(objections) for target, objections in found.items()}


def _call(
    setup: Setup,
    panelist: Panelist,
    round_number: int,
    phase: Phase,
    *,
    part: str = "",
    own: Position | None = None,
    peers: tuple[Peer, ...] = (),
    peer_names: tuple[str, ...] = (),
    objections: tuple[Objection, ...] = (),
    choices: tuple[Choice, ...] = (),
    heard: tuple[Heard, ...] = (),
    recalled: tuple[Recalled, ...] = (),
) -> Call:
    return Call(
        CallKey(round_number, phase, panelist.name, part),
        Brief(
            setup.question,
            setup.context,
            setup.documents,
            panelist.persona,
            own,
            peers,
            objections,
            choices,
            heard,
            recalled,
        ),
        panelist.max_output_tokens,
        peer_names,
    )


def _peers(names: Sequence[str], standing: Mapping[str, Position]) -> tuple[Peer, ...]:
    return tuple(
        [
            Peer(letter, standing[name].answer, shorten(standing[name].rationale))
            for letter, name in zip(letters(len(names)), names, strict=True)
        ]
    )


def _choices(order: Sequence[str], candidates: Sequence[Candidate]) -> tuple[Choice, ...]:
    by_id = {str(candidate.id): candidate for candidate in candidates}
    return tuple(
        [
            Choice(letter, found.id, found.answer, shorten(found.rationale))
            for letter, found in zip(
                letters(len(order)), [by_id[one] for one in order], strict=True
            )
        ]
    )
