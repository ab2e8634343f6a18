"""What holds for every debate, whoever answers what."""

import json
from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from debates.engine import codec
from debates.engine.convergence import measure
from debates.engine.estimate import estimate
from debates.engine.planner import decide_again, next_step
from debates.engine.positions import is_abstention
from debates.engine.prompts import render
from debates.engine.types import (
    Ask,
    DecisionMode,
    Fail,
    Finish,
    Phase,
    Setup,
    Spent,
    StopReason,
    Turn,
)
from tests.engine.panel import hold, spend
from tests.properties.engine_debates import SECRET, Agents, agents, everything, setups


@given(setup=setups(), answer=agents, shuffle=st.randoms())
def test_neither_the_order_of_the_panel_nor_that_of_the_turns_matters(
    setup: Setup, answer: Agents, shuffle: Random
) -> None:
    held = hold(setup, answer)
    panel, turns = list(setup.panel), list(held.turns)
    shuffle.shuffle(panel)
    shuffle.shuffle(turns)
    other = replace(setup, panel=tuple(panel))
    assert hold(other, answer).step == held.step
    assert next_step(other, turns, spend(turns)) == held.step
    for number in range(setup.rounds + 1):
        assert measure(other, turns, number) == measure(setup, held.turns, number)


@given(setup=setups(), answer=agents, cut=st.floats(0, 1), shuffle=st.randoms())
def test_cut_anywhere_it_goes_on_to_the_same_end(
    setup: Setup, answer: Agents, cut: float, shuffle: Random
) -> None:
    held = hold(setup, answer)
    asked = [call.key for ask in held.asks for call in ask.calls]
    kept = held.turns[: round(cut * len(held.turns))]
    shuffle.shuffle(kept)
    resumed = hold(setup, answer, turns=kept)
    assert resumed.step == held.step
    again = [call.key for ask in resumed.asks for call in ask.calls]
    assert Counter(again) + Counter(turn.key for turn in kept) == Counter(asked)


@given(setup=setups(), answer=agents)
def test_every_debate_ends_within_the_estimated_number_of_calls(
    setup: Setup, answer: Agents
) -> None:
    held = hold(setup, answer)
    assert len(held.turns) <= estimate(setup).calls_high
    assert len({turn.key for turn in held.turns}) == len(held.turns)


@given(setup=setups(), answer=agents)
def test_verdicts_are_sound(setup: Setup, answer: Agents) -> None:
    step = hold(setup, answer).step
    if isinstance(step, Fail):
        assert step.stop_reason is StopReason.QUORUM
        return
    verdict = step.verdict
    assert 0.0 <= verdict.confidence <= 1.0
    assert 0.0 <= verdict.agreement <= 1.0
    assert verdict.reached == (verdict.answer is not None) == bool(verdict.winners)
    assert verdict.reached == (verdict.confidence > 0.0)
    if verdict.tied:
        assert not verdict.reached
    names = {panelist.name for panelist in setup.panel}
    assert set(verdict.winners) <= names
    dissenting = {view.agent for view in verdict.dissenting}
    assert set(verdict.supporting) | dissenting <= names
    assert not set(verdict.supporting) & dissenting
    answers = {candidate.id: candidate.answer for candidate in verdict.candidates}
    if verdict.reached:
        assert verdict.answer in answers.values()
    assert set(verdict.tally) == set(answers)
    voters = len(verdict.ballots) + len(verdict.abstained)
    if verdict.reached:
        assert verdict.confidence == (len(verdict.supporting) + 1) / (voters + 2)
    assert not set(verdict.supporting) & set(verdict.abstained)
    if not verdict.hollow:
        assert not dissenting & set(verdict.abstained)


@given(setup=setups(), answer=agents)
def test_an_abstention_is_never_an_answer(setup: Setup, answer: Agents) -> None:
    held = hold(setup, replace(answer, abstaining=0.5))
    for call in (call for ask in held.asks for call in ask.calls):
        assert not any(is_abstention(choice.answer) for choice in call.brief.choices)
    if isinstance(held.step, Fail):
        return
    for verdict in (
        held.step.verdict,
        *(decide_again(setup, held.turns, mode) for mode in DecisionMode),
    ):
        assert verdict.answer is None or not is_abstention(verdict.answer)
        assert not any(is_abstention(candidate.answer) for candidate in verdict.candidates)
        assert not any(is_abstention(view.answer) for view in verdict.dissenting)
        assert not any(is_abstention(flip.before) for flip in verdict.flips)
        voters = {ballot.voter for ballot in verdict.ballots}
        assert not voters & set(verdict.abstained)


@given(setup=setups(), answer=agents)
def test_where_nobody_knows_it_ends_at_once_without_an_answer(setup: Setup, answer: Agents) -> None:
    held = hold(setup, replace(answer, abstaining=1.0))
    assert len(held.asks) == 1
    if isinstance(held.step, Finish):
        verdict = held.step.verdict
        assert not verdict.reached
        assert not verdict.tied
        assert verdict.candidates == ()
        assert verdict.confidence == verdict.agreement == 0.0
        assert verdict.stop_reason is StopReason.STABLE
        assert verdict.explanation.startswith("No agent gave an answer")


@given(setup=setups(), answer=agents)
def test_decided_again_a_transcript_gives_the_same_verdict(setup: Setup, answer: Agents) -> None:
    held = hold(setup, answer)
    if isinstance(held.step, Finish):
        verdict = held.step.verdict
        assert decide_again(setup, held.turns, setup.decision) == verdict
        assert (
            decide_again(setup, held.turns, setup.decision, stop_reason=verdict.stop_reason)
            == verdict
        )


@given(setup=setups(limited=True), answer=agents)
def test_the_text_of_a_failure_becomes_nothing(setup: Setup, answer: Agents) -> None:
    failing = replace(answer, failing=0.3)
    held = hold(setup, failing)
    turns = [replace(turn, text=SECRET) for turn in held.turns]
    assert next_step(setup, turns, spend(turns)) == held.step
    assert SECRET not in repr(held.step)
    for ask in held.asks:
        for call in ask.calls:
            prompt = render(call)
            assert SECRET not in prompt.system + prompt.user


@given(setup=setups(limited=True), answer=agents)
def test_a_budget_is_never_exceeded(setup: Setup, answer: Agents) -> None:
    held = hold(setup, answer, usage=everything(setup))
    spent = spend(held.turns)
    if setup.budget_tokens is not None:
        assert spent.usage.total <= setup.budget_tokens
    if setup.budget_usd is not None:
        assert spent.cost_usd <= setup.budget_usd * (1 + 1e-9)
    if isinstance(held.step, Fail):
        assert held.step.stop_reason in (StopReason.QUORUM, StopReason.BUDGET)


@given(setup=setups(limited=True), answer=agents, elapsed=st.floats(0, 100))
def test_limits_of_any_kind_still_give_an_end(setup: Setup, answer: Agents, elapsed: float) -> None:
    def spent(turns: list[Turn]) -> Spent:
        return spend(
            turns, elapsed_seconds=elapsed * len(turns), stop_requested=len(turns) > elapsed / 4
        )

    limited = replace(setup, deadline_seconds=60.0)
    held = hold(limited, answer, usage=everything(setup), spent=spent)
    assert isinstance(held.step, Finish | Fail)


@given(setup=setups(), answer=agents)
def test_peers_and_candidates_are_letters_without_names(setup: Setup, answer: Agents) -> None:
    names = {panelist.name for panelist in setup.panel}
    for ask in hold(setup, answer).asks:
        assert len({(call.key.round, call.key.phase) for call in ask.calls}) == 1
        for call in ask.calls:
            assert len(call.brief.peers) <= 2
            assert call.key.agent not in call.peer_names
            letters = [one.letter for one in (*call.brief.peers, *call.brief.choices)]
            assert len(set(letters)) == len(letters)
            assert not names & set(letters)
            if call.key.phase is Phase.JUDGE:
                assert call.brief.own is None
            if call.key.phase is Phase.VOTE:
                without = replace(call, brief=replace(call.brief, own=None))
                assert render(call) == render(without), "which is its own is not told"
            if call.key.phase is Phase.EXCHANGE:
                assert call.brief.own is not None
                assert all(peer.answer != call.brief.own.answer for peer in call.brief.peers)


@given(setup=setups(limited=True), answer=agents)
def test_everything_survives_being_stored(setup: Setup, answer: Agents) -> None:
    held = hold(setup, answer, usage=everything(setup))
    stored = json.loads(json.dumps([codec.encode_turn(turn) for turn in held.turns]))
    assert [codec.decode_turn(one) for one in stored] == held.turns
    assert codec.decode(Setup, json.loads(json.dumps(codec.encode(setup)))) == setup
    if isinstance(held.step, Finish):
        stored = json.loads(json.dumps(codec.encode_verdict(held.step.verdict)))
        assert codec.decode_verdict(stored) == held.step.verdict


@given(setup=setups(), answer=agents)
def test_after_an_ask_the_same_arguments_ask_the_same(setup: Setup, answer: Agents) -> None:
    held = hold(setup, answer)
    first = next_step(setup, [], Spent())
    assert isinstance(first, Ask)
    assert first == held.asks[0] == next_step(setup, [], Spent())
