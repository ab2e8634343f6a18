"""The closing vote: candidates without names, in an order of each voter's own."""

from dataclasses import replace

from debates.engine.positions import candidate_id
from debates.engine.prompts import render
from debates.engine.types import Call, DecisionMode, Phase
from tests.engine.panel import FAILURE, Held, Script, hold, setup_of

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Po", "dora": "Nile"}


def held_with(seed: int = 0, **fields: object) -> Held:
    script = Script(DRAFTS, **fields)  # type: ignore[arg-type]
    return hold(setup_of(4, seed=seed, decision=DecisionMode.PLURALITY), script)


def test_voters_see_each_answer_once_and_not_which_is_theirs() -> None:
    for call in held_with().calls(Phase.VOTE):
        assert sorted(choice.answer for choice in call.brief.choices) == ["Amazon", "Nile", "Po"]
        assert [choice.letter for choice in call.brief.choices] == ["A", "B", "C"]
        assert render(call) == render(replace(call, brief=replace(call.brief, own=None)))
        assert call.brief.peers == ()


def test_each_voter_has_an_order_of_its_own() -> None:
    def order(call: Call) -> tuple[str, ...]:
        return tuple(choice.answer for choice in call.brief.choices)

    orders = {order(call) for seed in range(10) for call in held_with(seed).calls(Phase.VOTE)}
    assert len(orders) == 6


def test_ballots_decide_and_not_positions() -> None:
    votes = {name: ["Po", "Nile", "Amazon"] for name in ("ada", "ben", "cem")}
    verdict = held_with(votes=votes).verdict
    assert verdict.answer == "Po"
    assert verdict.winners == ("cem",)
    assert verdict.supporting == ("ada", "ben", "cem")
    assert verdict.tally == {
        candidate_id("Po"): 3,
        candidate_id("Nile"): 1,
        candidate_id("Amazon"): 0,
    }


def test_a_failed_vote_counts_for_nothing() -> None:
    verdict = held_with(votes={"ada": FAILURE}).verdict
    assert [ballot.voter for ballot in verdict.ballots] == ["ben", "cem", "dora"]
    assert not verdict.reached
    assert len(verdict.tied) == 3


def test_an_abstention_is_no_voter() -> None:
    verdict = held_with(votes={"ben": [], "cem": []}).verdict
    assert [ballot.voter for ballot in verdict.ballots] == ["ada", "dora"]
    assert verdict.reached
    assert verdict.confidence == 3 / 4


def test_when_all_abstain_nothing_is_reached() -> None:
    verdict = held_with(votes=dict.fromkeys(DRAFTS, ())).verdict
    assert not verdict.reached
    assert verdict.agreement == verdict.confidence == 0.0


def test_a_voter_cannot_vote_as_somebody_else() -> None:
    from dataclasses import replace

    held = held_with()
    turns = [
        replace(turn, outcome=replace(turn.outcome, voter="ada"))
        if turn.key.phase is Phase.VOTE
        else turn
        for turn in held.turns
    ]
    again = hold(held.setup, Script(DRAFTS), turns=turns)
    assert again.verdict == held.verdict
