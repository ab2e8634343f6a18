"""A majority that is made of conformity alone does not override the blind plurality."""

import pytest

from debates.engine.types import DecisionMode, Flip
from tests.engine.panel import Move, Script, hold, setup_of

DRAFTS = {"ada": "Nile", "ben": "Nile", "cem": "Amazon"}


def test_unreasoned_flips_leave_the_blind_plurality_in_force() -> None:
    moves = {("ada", 1): Move("Amazon"), ("ben", 1): Move("Amazon")}
    verdict = hold(setup_of(3, decision=DecisionMode.PLURALITY), Script(DRAFTS, moves)).verdict
    assert verdict.hollow
    assert verdict.reached
    assert verdict.answer == "Nile"
    assert verdict.winners == verdict.supporting == ("ada", "ben")
    assert verdict.confidence == 3 / 5
    assert {view.agent for view in verdict.dissenting} == {"cem"}
    assert verdict.flips == (
        Flip("ada", 1, "Nile", "Amazon", reasoned=False),
        Flip("ben", 1, "Nile", "Amazon", reasoned=False),
    )
    assert "unreasoned" in verdict.explanation


def test_one_good_reason_makes_the_majority_sound() -> None:
    moves = {("ada", 1): Move("Amazon", "I left out the delta."), ("ben", 1): Move("Amazon")}
    verdict = hold(setup_of(3, decision=DecisionMode.PLURALITY), Script(DRAFTS, moves)).verdict
    assert not verdict.hollow
    assert verdict.answer == "Amazon"
    assert verdict.supporting == ("ada", "ben", "cem")


def test_a_majority_for_the_blind_plurality_is_sound() -> None:
    verdict = hold(setup_of(3), Script(DRAFTS, {("cem", 1): Move("Nile")})).verdict
    assert not verdict.hollow
    assert verdict.answer == "Nile"


def test_without_a_blind_plurality_there_is_nothing_to_override() -> None:
    drafts = {"ada": "Nile", "ben": "Amazon", "cem": "Po", "dora": "Rhine"}
    moves = {(name, 1): Move("Nile") for name in ("ben", "cem")}
    verdict = hold(setup_of(4, decision=DecisionMode.PLURALITY), Script(drafts, moves)).verdict
    assert not verdict.hollow
    assert verdict.answer == "Nile"


def test_a_vote_for_anothers_answer_is_no_flip() -> None:
    votes = {name: ["Amazon", "Nile"] for name in DRAFTS}
    setup = setup_of(3, decision=DecisionMode.PLURALITY)
    verdict = hold(setup, Script(DRAFTS, votes=votes)).verdict
    assert not verdict.hollow
    assert verdict.answer == "Amazon"


def test_the_last_flip_into_the_answer_is_the_one_that_counts() -> None:
    moves = {
        ("ada", 1): Move("Po", "I misread the map."),
        ("ada", 2): Move("Amazon"),
        ("ben", 2): Move("Amazon"),
    }
    verdict = hold(setup_of(3, decision=DecisionMode.PLURALITY), Script(DRAFTS, moves)).verdict
    assert verdict.hollow
    assert verdict.answer == "Nile"


@pytest.mark.parametrize(
    ("rule", "reached"), [(DecisionMode.MAJORITY, False), (DecisionMode.PLURALITY, True)]
)
def test_the_blind_plurality_must_meet_the_rule_itself(rule: DecisionMode, reached: bool) -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": "Amazon", "dora": "Po", "eli": "Rhine"}
    moves = {(name, 1): Move("Amazon") for name in ("ada", "ben", "dora")}
    verdict = hold(setup_of(5, decision=rule), Script(drafts, moves)).verdict
    assert verdict.hollow
    assert verdict.reached is reached
    assert verdict.answer == ("Nile" if reached else None)
