"""A stored transcript, decided under another rule without a call."""

import pytest

from debates.engine.planner import decide_again
from debates.engine.types import DecisionMode, Phase, ProtocolName, StopReason
from tests.engine.panel import FAILURE, JUDGE, Held, Move, Script, hold, setup_of

DRAFTS = {"ada": "Nile", "ben": "Nile", "cem": "Amazon", "dora": "Po"}
VOTES = {
    "ada": ["Nile", "Po", "Amazon"],
    "ben": ["Nile", "Po", "Amazon"],
    "cem": ["Amazon", "Po", "Nile"],
    "dora": ["Po", "Amazon", "Nile"],
}


def held_under(mode: DecisionMode, **fields: object) -> Held:
    script = Script(DRAFTS, votes=VOTES, selections={"forward": "Po", "backward": "Po"})
    return hold(setup_of(4, decision=mode, judge=JUDGE, **fields), script)


@pytest.mark.parametrize("protocol", ProtocolName)
@pytest.mark.parametrize("mode", DecisionMode)
def test_under_its_own_rule_the_verdict_is_the_same(
    mode: DecisionMode, protocol: ProtocolName
) -> None:
    held = held_under(mode, protocol=protocol)
    assert decide_again(held.setup, held.turns, mode) == held.verdict
    assert decide_again(held.setup, held.turns, held.verdict.method) == held.verdict


@pytest.mark.parametrize(
    "mode", sorted(set(DecisionMode) - {DecisionMode.AUTO, DecisionMode.JUDGE, DecisionMode.NONE})
)
def test_the_ballots_of_one_rule_serve_every_other(mode: DecisionMode) -> None:
    stored = held_under(DecisionMode.PLURALITY)
    assert decide_again(stored.setup, stored.turns, mode) == held_under(mode).verdict


def test_different_rules_may_decide_differently() -> None:
    held = held_under(DecisionMode.PLURALITY)
    assert held.verdict.answer == "Nile"
    assert decide_again(held.setup, held.turns, DecisionMode.BORDA).answer == "Po"
    assert not decide_again(held.setup, held.turns, DecisionMode.MAJORITY).reached


def test_without_a_judges_selections_the_ballots_are_counted() -> None:
    held = held_under(DecisionMode.PLURALITY)
    verdict = decide_again(held.setup, held.turns, DecisionMode.JUDGE)
    assert verdict.method is DecisionMode.BORDA
    assert "no selection by a judge" in verdict.explanation


def test_without_ballots_positions_are_counted() -> None:
    held = held_under(DecisionMode.JUDGE)
    verdict = decide_again(held.setup, held.turns, DecisionMode.PLURALITY)
    assert verdict.answer == "Nile"
    assert "No vote was held" in verdict.explanation


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"budget_tokens": 1}, StopReason.BUDGET),
        ({"deadline_seconds": 1.0}, StopReason.DEADLINE),
        ({}, StopReason.STOPPED),
    ],
)
def test_why_it_stopped_is_told_from_the_transcript(
    fields: dict[str, float], reason: StopReason
) -> None:
    turns = [
        turn for turn in held_under(DecisionMode.PLURALITY).turns if turn.key.phase is Phase.DRAFT
    ]
    setup = setup_of(4, **fields)
    assert decide_again(setup, turns, DecisionMode.PLURALITY).stop_reason is reason


def test_why_it_stopped_may_be_told() -> None:
    held = held_under(DecisionMode.PLURALITY)
    verdict = decide_again(
        held.setup, held.turns, DecisionMode.BORDA, stop_reason=StopReason.DEADLINE
    )
    assert verdict.stop_reason is StopReason.DEADLINE


def test_a_debate_that_failed_can_be_decided_as_far_as_it_came() -> None:
    drafts = {"ada": "Nile", "ben": FAILURE, "cem": FAILURE, "dora": FAILURE}
    held = hold(setup_of(4), Script(drafts))
    verdict = decide_again(held.setup, held.turns, DecisionMode.PLURALITY)
    assert verdict.stop_reason is StopReason.QUORUM


def test_nothing_said_is_nothing_reached() -> None:
    for mode in DecisionMode:
        verdict = decide_again(setup_of(3, judge=JUDGE), [], mode)
        assert not verdict.reached


def test_hollow_majorities_stay_hollow() -> None:
    moves = {(name, 1): Move("Amazon") for name in ("ada", "ben")}
    held = hold(setup_of(4, decision=DecisionMode.PLURALITY), Script(DRAFTS, moves))
    assert held.verdict.hollow
    assert decide_again(held.setup, held.turns, DecisionMode.MAJORITY).hollow
