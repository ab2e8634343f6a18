"""A judge from outside the panel selects, and is asked in both orders."""

import pytest

from debates.engine.positions import candidate_id
from debates.engine.types import DecisionMode, Phase
from tests.engine.panel import FAILURE, JUDGE, Script, hold, setup_of

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Po"}
SETUP = setup_of(3, decision=DecisionMode.JUDGE, judge=JUDGE)


def test_the_same_selection_in_both_orders_decides() -> None:
    held = hold(SETUP, Script(DRAFTS, selections={"forward": "Po", "backward": "Po"}))
    assert held.phases()[-1] == (1, Phase.JUDGE)
    verdict = held.verdict
    assert verdict.reached
    assert verdict.method is DecisionMode.JUDGE
    assert verdict.answer == "Po"
    assert verdict.winners == ("cem",)
    assert verdict.order_consistent is True
    assert verdict.confidence == 2 / 5, "the judge is no voter"
    assert {view.agent for view in verdict.dissenting} == {"ada", "ben"}
    assert verdict.tally[candidate_id("Po")] == 2, "the judge, twice"
    assert [ballot.voter for ballot in verdict.ballots] == ["ada", "ben", "cem"]
    assert "1 of 3 agents on the panel hold it" in verdict.explanation


def test_the_second_order_is_the_first_reversed_with_new_letters() -> None:
    held = hold(SETUP, Script(DRAFTS, selections={"forward": "Po", "backward": "Po"}))
    forward, backward = held.calls(Phase.JUDGE)
    assert (forward.key.part, backward.key.part) == ("forward", "backward")
    assert forward.key.agent == backward.key.agent == "judy"
    first = [choice.answer for choice in forward.brief.choices]
    assert [choice.answer for choice in backward.brief.choices] == first[::-1]
    assert [choice.letter for choice in backward.brief.choices] == ["A", "B", "C"]


def test_another_selection_in_the_other_order_is_a_tie() -> None:
    verdict = hold(SETUP, Script(DRAFTS, selections={"forward": "Po", "backward": "Nile"})).verdict
    assert not verdict.reached
    assert verdict.answer is None
    assert verdict.order_consistent is False
    assert len(verdict.tied) == 2
    assert verdict.confidence == 0.0


@pytest.mark.parametrize("failing", ["forward", "backward"])
def test_a_judge_that_fails_is_replaced_by_a_vote(failing: str) -> None:
    selections = {"forward": "Po", "backward": "Po", failing: FAILURE}
    votes = {name: ["Nile", "Po", "Amazon"] for name in DRAFTS}
    held = hold(SETUP, Script(DRAFTS, votes=votes, selections=selections))
    assert held.phases()[-2:] == [(1, Phase.JUDGE), (1, Phase.VOTE)]
    assert held.verdict.method is DecisionMode.BORDA
    assert held.verdict.answer == "Nile"
    assert held.verdict.order_consistent is None
    assert "no selection by a judge" in held.verdict.explanation


def test_without_a_judge_there_is_a_vote() -> None:
    held = hold(setup_of(3, decision=DecisionMode.JUDGE), Script(DRAFTS))
    assert held.phases()[-1] == (1, Phase.VOTE)
    assert held.verdict.method is DecisionMode.BORDA
    assert "no selection by a judge" in held.verdict.explanation


def test_a_unanimous_panel_needs_no_judge() -> None:
    held = hold(SETUP, Script(dict.fromkeys(DRAFTS, "Nile")))
    assert held.phases() == [(0, Phase.DRAFT)]
    assert held.verdict.method is DecisionMode.UNANIMITY
    assert held.verdict.reached


def test_a_selection_of_what_was_not_proposed_is_a_failure() -> None:
    held = hold(SETUP, Script(DRAFTS, selections={"forward": "Elbe", "backward": "Elbe"}))
    assert held.phases()[-1] == (1, Phase.VOTE)
