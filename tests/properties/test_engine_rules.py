"""What holds for every decision rule, whatever the ballots."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debates.engine.decisions import RULES, Count, rule_of, valid
from debates.engine.planner import decide_again
from debates.engine.positions import candidate_id
from debates.engine.types import (
    Ballot,
    CallKey,
    CandidateId,
    DecisionMode,
    Phase,
    Position,
    StopReason,
    Turn,
    Verdict,
)
from tests.engine.panel import NAMES, setup_of

CANDIDATES = tuple(CandidateId(letter) for letter in "ABCD")
ANSWERS = dict(zip(CANDIDATES, ("Nile", "Amazon", "Po", "Rhine"), strict=True))


@st.composite
def ballots(draw: st.DrawFn, voter: str) -> Ballot:
    order = draw(st.permutations(CANDIDATES))
    return Ballot(
        voter,
        tuple(order[: draw(st.integers(0, len(order)))]),
        frozenset(draw(st.sets(st.sampled_from(CANDIDATES)))),
        draw(st.floats(0, 1)),
    )


panels = st.integers(0, 9).flatmap(lambda size: st.tuples(*map(ballots, NAMES[:size])))
modes = st.sampled_from(sorted(RULES))
monotone = st.sampled_from(
    sorted(set(RULES) - {DecisionMode.INSTANT_RUNOFF, DecisionMode.JUDGE, DecisionMode.NONE})
)
"""Instant runoff is left out: more support can make its winner lose, whoever counts. A judge's
verdict does not follow the panel's ballots."""


def count(mode: DecisionMode, cast: tuple[Ballot, ...]) -> Count:
    return rule_of(mode).count(valid(cast, CANDIDATES), CANDIDATES)


@given(mode=modes, cast=panels, shuffle=st.randoms())
def test_order_does_not_matter(
    mode: DecisionMode, cast: tuple[Ballot, ...], shuffle: Random
) -> None:
    others, candidates = list(cast), list(CANDIDATES)
    shuffle.shuffle(others)
    shuffle.shuffle(candidates)
    assert rule_of(mode).count(valid(others, candidates), candidates) == count(mode, cast)


@given(mode=modes, cast=panels)
def test_a_tie_is_never_met(mode: DecisionMode, cast: tuple[Ballot, ...]) -> None:
    result = count(mode, cast)
    if result.met:
        assert len(result.leaders) == 1
    assert set(result.tally) == set(result.backers) == set(CANDIDATES)
    assert set(result.leaders) <= set(CANDIDATES)


@given(mode=modes, cast=panels, renaming=st.permutations(CANDIDATES))
def test_candidates_are_treated_alike(
    mode: DecisionMode, cast: tuple[Ballot, ...], renaming: list[CandidateId]
) -> None:
    to = dict(zip(CANDIDATES, renaming, strict=True))
    renamed = tuple(
        replace(
            ballot,
            ranking=tuple(to[one] for one in ballot.ranking),
            approved=frozenset(to[one] for one in ballot.approved),
        )
        for ballot in cast
    )
    before, after = count(mode, cast), count(mode, renamed)
    assert after.met == before.met
    assert set(after.leaders) == {to[leader] for leader in before.leaders}


def verdict_of(mode: DecisionMode, cast: tuple[Ballot, ...]) -> Verdict:
    """The verdict of a debate with these ballots, each agent of an opinion of its own."""
    setup = setup_of(len(cast), decision=mode)
    ids = {candidate: candidate_id(answer) for candidate, answer in ANSWERS.items()}
    turns = [
        Turn(
            CallKey(0, Phase.DRAFT, ballot.voter),
            Position(list(ANSWERS.values())[at % len(ANSWERS)], "So.", 0.5),
        )
        for at, ballot in enumerate(cast)
    ]
    turns += [
        Turn(
            CallKey(0, Phase.VOTE, ballot.voter),
            replace(
                ballot,
                ranking=tuple(ids[one] for one in ballot.ranking),
                approved=frozenset(ids[one] for one in ballot.approved),
            ),
        )
        for ballot in cast
    ]
    return decide_again(setup, turns, mode, stop_reason=StopReason.STOPPED)


def persuaded(ballot: Ballot, favourite: CandidateId) -> Ballot:
    """The same ballot with the favourite put first and accepted."""
    others = tuple(one for one in ballot.ranking if one != favourite)
    return replace(ballot, ranking=(favourite, *others), approved=ballot.approved | {favourite})


@st.composite
def leaning_panels(draw: st.DrawFn) -> tuple[Ballot, ...]:
    """Ballots of which about half put the first candidate first, so that much is reached."""
    cast = [draw(ballots(name)) for name in NAMES[: draw(st.integers(4, 9))]]
    return tuple(
        persuaded(ballot, CANDIDATES[0]) if draw(st.booleans()) else ballot for ballot in cast
    )


@given(mode=monotone, cast=leaning_panels())
def test_more_agreement_never_lowers_confidence(
    mode: DecisionMode, cast: tuple[Ballot, ...]
) -> None:
    before = verdict_of(mode, cast)
    if not before.reached:
        return
    winner = next(one for one, answer in ANSWERS.items() if answer == before.answer)
    for at, ballot in enumerate(cast):
        if ballot.voter in before.supporting or not (ballot.ranking or ballot.approved):
            continue
        cast = (*cast[:at], persuaded(ballot, winner), *cast[at + 1 :])
        after = verdict_of(mode, cast)
        assert after.reached
        assert after.answer == before.answer
        assert after.confidence >= before.confidence
        before = after


@given(mode=modes, cast=st.integers(4, 9).flatmap(lambda n: st.tuples(*map(ballots, NAMES[:n]))))
def test_confidence_follows_the_supporters_alone(
    mode: DecisionMode, cast: tuple[Ballot, ...]
) -> None:
    verdict = verdict_of(mode, cast)
    voters = len(verdict.ballots)
    if verdict.reached:
        assert verdict.confidence == pytest.approx((len(verdict.supporting) + 1) / (voters + 2))
    else:
        assert verdict.confidence == 0.0
