"""Every rule, on ballots whose outcome can be told by hand."""

from collections.abc import Sequence

import pytest

from debates.engine.decisions import RULES, Count, rule_of, valid
from debates.engine.types import Ballot, CandidateId, DecisionMode

A, B, C, D = (CandidateId(letter) for letter in "ABCD")
EVERYTHING = (A, B, C, D)


def ballot(
    voter: int, ranking: str, *, approved: str | None = None, confidence: float = 0.5
) -> Ballot:
    return Ballot(
        str(voter),
        tuple(CandidateId(letter) for letter in ranking),
        frozenset(CandidateId(one) for one in (ranking[:1] if approved is None else approved)),
        confidence,
    )


def ballots(*rankings: str) -> list[Ballot]:
    return [ballot(number, ranking) for number, ranking in enumerate(rankings)]


def count(
    mode: DecisionMode, cast: Sequence[Ballot], candidates: Sequence[CandidateId] = EVERYTHING
) -> Count:
    return rule_of(mode).count(valid(cast, candidates), candidates)


def test_every_rule_but_auto_has_its_strategy() -> None:
    assert set(RULES) == set(DecisionMode) - {DecisionMode.AUTO}


@pytest.mark.parametrize(
    ("mode", "firsts", "met"),
    [
        (DecisionMode.PLURALITY, "AAB", True),
        (DecisionMode.PLURALITY, "AABCD", True),
        (DecisionMode.PLURALITY, "AABB", False),
        (DecisionMode.PLURALITY, "ABC", False),
        (DecisionMode.MAJORITY, "AAB", True),
        (DecisionMode.MAJORITY, "AABB", False),
        (DecisionMode.MAJORITY, "AABC", False),
        (DecisionMode.MAJORITY, "AAABC", True),
        (DecisionMode.SUPERMAJORITY, "AAB", True),
        (DecisionMode.SUPERMAJORITY, "AAABB", False),
        (DecisionMode.SUPERMAJORITY, "AAAABB", True),
        (DecisionMode.UNANIMITY, "AAAA", True),
        (DecisionMode.UNANIMITY, "AAAB", False),
        (DecisionMode.NONE, "AAAA", False),
    ],
)
def test_rules_on_first_choices(mode: DecisionMode, firsts: str, met: bool) -> None:
    result = count(mode, ballots(*firsts))
    assert result.met is met
    assert result.tally[A] == firsts.count("A")
    assert result.backers[A] == {str(at) for at, first in enumerate(firsts) if first == "A"}


def test_approval_counts_all_that_a_voter_accepts() -> None:
    cast = [
        ballot(1, "AB", approved="AB"),
        ballot(2, "CB", approved="CB"),
        ballot(3, "AB", approved="A"),
        ballot(4, "BC", approved="B"),
    ]
    result = count(DecisionMode.APPROVAL, cast)
    assert result.met
    assert result.leaders == (B,)
    assert result.backers[B] == {"1", "2", "4"}


def test_approval_of_nobody_decides_nothing() -> None:
    result = count(
        DecisionMode.APPROVAL, [ballot(1, "A", approved=""), ballot(2, "B", approved="")]
    )
    assert result.leaders == ()
    assert not result.met


def test_borda_may_prefer_what_most_put_second() -> None:
    result = count(DecisionMode.BORDA, ballots("ABCD", "ABCD", "BCDA", "CBDA", "BCDA"))
    assert result.tally == {A: 6, B: 12, C: 9, D: 3}
    assert result.leaders == (B,)
    assert result.met


def test_borda_shares_the_points_of_what_a_ballot_leaves_out() -> None:
    result = count(DecisionMode.BORDA, ballots("A"))
    assert result.tally == {A: 3, B: 1, C: 1, D: 1}
    assert sum(result.tally.values()) == sum(
        count(DecisionMode.BORDA, ballots("ABCD")).tally.values()
    )


def test_borda_with_a_single_candidate() -> None:
    result = count(DecisionMode.BORDA, ballots("A", "A"), (A,))
    assert result.met
    assert result.leaders == (A,)


def test_instant_runoff_moves_the_votes_of_the_weakest() -> None:
    result = count(DecisionMode.INSTANT_RUNOFF, ballots("AC", "AC", "BC", "BA", "CB"))
    assert result.met
    assert result.leaders == (B,)
    assert result.tally == {A: 2, B: 3, C: 0, D: 0}
    assert result.backers[B] == {"2", "3", "4"}


def test_instant_runoff_lets_exhausted_ballots_go() -> None:
    result = count(DecisionMode.INSTANT_RUNOFF, ballots("A", "A", "B", "B", "B", "C"))
    assert result.met
    assert result.leaders == (B,)


def test_instant_runoff_removes_what_is_level_at_the_bottom_together() -> None:
    result = count(DecisionMode.INSTANT_RUNOFF, ballots("A", "A", "B", "B", "CA", "DA"))
    assert result.leaders == (A,)
    assert result.met


def test_instant_runoff_may_end_level() -> None:
    result = count(DecisionMode.INSTANT_RUNOFF, ballots("AB", "BA"))
    assert not result.met
    assert result.leaders == (A, B)


def test_confidence_weighs_first_choices() -> None:
    cast = [
        ballot(1, "A", confidence=0.9),
        ballot(2, "B", confidence=0.3),
        ballot(3, "B", confidence=0.4),
    ]
    result = count(DecisionMode.CONFIDENCE_WEIGHTED, cast)
    assert result.met
    assert result.leaders == (A,)
    assert result.tally[B] == pytest.approx(0.7)


def test_sums_that_differ_by_rounding_are_tied() -> None:
    cast = [
        ballot(1, "A", confidence=0.1),
        ballot(2, "A", confidence=0.2),
        ballot(3, "B", confidence=0.3),
    ]
    result = count(DecisionMode.CONFIDENCE_WEIGHTED, cast)
    assert not result.met
    assert result.leaders == (A, B)


def test_without_any_confidence_nothing_is_decided() -> None:
    result = count(DecisionMode.CONFIDENCE_WEIGHTED, [ballot(1, "A", confidence=0.0)])
    assert not result.met
    assert result.leaders == ()


@pytest.mark.parametrize("mode", RULES)
def test_no_ballots_decide_nothing(mode: DecisionMode) -> None:
    result = count(mode, [])
    assert not result.met
    assert result.leaders == ()


@pytest.mark.parametrize("mode", RULES)
def test_a_level_count_is_a_tie(mode: DecisionMode) -> None:
    result = count(mode, ballots("ABCD", "BADC", "CDAB", "DCBA"))
    assert not result.met
    assert result.leaders == EVERYTHING


def test_votes_for_what_does_not_stand_are_left_out() -> None:
    kept = valid([ballot(1, "XAB"), ballot(2, "X"), ballot(3, "")], (A, B))
    assert [(one.voter, one.ranking, one.approved) for one in kept] == [
        ("1", (A, B), frozenset()),
    ]
