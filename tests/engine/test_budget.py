"""Nothing is asked that might not fit; what has been said still gives a verdict."""

from dataclasses import replace

import pytest

from debates.engine.budget import estimate_tokens, prompt_tokens, worst_case
from debates.engine.types import (
    Ask,
    Call,
    DecisionMode,
    Phase,
    Price,
    ProtocolName,
    Setup,
    StopReason,
    Usage,
)
from tests.engine.panel import (
    JUDGE,
    Held,
    Move,
    Script,
    drafted,
    hold,
    next_of,
    panelists,
    setup_of,
)

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Nile"}
MOVES = {("ada", number): Move(f"River {number}", "A step.") for number in range(1, 13)}
PRICE = Price(1.0, 4.0)


def most_of(setup: Setup, call: Call) -> Usage:
    """All that the agent may use."""
    who = {panelist.name: panelist for panelist in (*setup.panel, JUDGE)}[call.key.agent]
    return worst_case(call, who)


def held_within(setup: Setup) -> Held:
    """A long debate in which every call uses all that it may."""
    return hold(setup, Script(DRAFTS, MOVES), usage=lambda call: most_of(setup, call))


def used(held: Held) -> int:
    return sum(turn.usage.total for turn in held.turns)


def test_drafts_that_do_not_fit_fail_the_debate_before_anything_is_asked() -> None:
    held = held_within(setup_of(3, budget_tokens=100))
    assert held.failure.stop_reason is StopReason.BUDGET
    assert held.turns == []


@pytest.mark.parametrize("protocol", ProtocolName)
@pytest.mark.parametrize("budget", range(5_000, 120_000, 5_000))
def test_the_cap_on_tokens_holds_and_there_is_a_verdict(
    protocol: ProtocolName, budget: int
) -> None:
    held = held_within(setup_of(3, rounds=12, budget_tokens=budget, protocol=protocol))
    assert used(held) <= budget
    assert held.verdict.ballots


@pytest.mark.parametrize("cents", range(2, 40, 3))
def test_the_cap_on_money_holds(cents: int) -> None:
    panel = panelists(3, price=PRICE)
    setup = setup_of(3, panel=panel, rounds=12, budget_usd=cents / 100)
    held = held_within(setup)
    assert sum(turn.cost_usd for turn in held.turns) <= cents / 100
    assert held.verdict.ballots


def test_the_talk_ends_in_time_for_the_vote() -> None:
    unlimited = held_within(setup_of(3, rounds=12))
    for budget in range(10_000, used(unlimited), 3_000):
        held = held_within(setup_of(3, rounds=12, budget_tokens=budget))
        if (1, Phase.EXCHANGE) in held.phases():
            assert held.phases()[-1][1] is Phase.VOTE
        assert held.verdict.stop_reason is StopReason.BUDGET


def test_without_room_for_a_vote_positions_are_counted() -> None:
    setup = setup_of(3, decision=DecisionMode.PLURALITY)
    drafts = held_within(replace(setup, rounds=12)).asks[0]
    budget = sum(most_of(setup, call).total for call in drafts.calls)
    held = held_within(replace(setup, budget_tokens=budget))
    assert held.phases() == [(0, Phase.DRAFT)]
    assert held.verdict.reached
    assert held.verdict.answer == "Nile"
    assert held.verdict.stop_reason is StopReason.BUDGET
    assert "No vote was held" in held.verdict.explanation


def test_a_ballot_that_was_paid_for_counts_beside_the_positions_of_the_others() -> None:
    setup = setup_of(3, decision=DecisionMode.PLURALITY)
    script = Script(DRAFTS, votes={"ada": ["Amazon", "Nile"]})
    whole = hold(setup, script)
    turns = [
        turn for turn in whole.turns if turn.key.phase is not Phase.VOTE or turn.key.agent == "ada"
    ]
    cut = replace(setup, budget_tokens=1)
    held = hold(cut, script, turns=turns)
    assert held.verdict.answer == "Amazon"
    assert held.verdict.stop_reason is StopReason.BUDGET
    assert "For 2 of the agents" in held.verdict.explanation


def test_a_judge_that_is_too_dear_is_replaced_by_the_vote() -> None:
    dear = replace(JUDGE, price=Price(10_000, 10_000))
    setup = setup_of(3, decision=DecisionMode.JUDGE, judge=dear, budget_usd=1.0, rounds=1)
    held = hold(setup, Script(DRAFTS))
    assert held.phases()[-1][1] is Phase.VOTE
    assert held.verdict.method is DecisionMode.BORDA


def test_what_was_spent_elsewhere_counts() -> None:
    setup = setup_of(3, budget_tokens=50_000)
    turns = drafted(**DRAFTS)
    assert isinstance(next_of(setup, turns), Ask)
    spent_otherwise = [replace(turns[0], usage=Usage(49_000, 0)), *turns[1:]]
    assert not isinstance(next_of(setup, spent_otherwise), Ask)


def test_what_is_no_language_model_uses_nothing() -> None:
    panel = panelists(3, is_language_model=False)
    held = hold(setup_of(3, panel=panel, budget_tokens=1), Script(DRAFTS, MOVES))
    assert held.verdict.stop_reason is StopReason.ROUNDS


def test_the_worst_case_is_the_whole_prompt_and_all_that_may_be_answered() -> None:
    setup = setup_of(3)
    step = next_of(setup, drafted(**DRAFTS))
    assert isinstance(step, Ask)
    call = step.calls[0]
    assert worst_case(call, setup.panel[0]) == Usage(prompt_tokens(call), 1024)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("", 0),
        ("word " * 100, 100),
        ("日本語" * 100, 300),
        ("🦉" * 10, 20),
        ("1234567890" * 10, 30),
    ],
)
def test_tokens_are_estimated_on_the_high_side(text: str, least: int) -> None:
    assert estimate_tokens(text) >= least
    assert estimate_tokens(text) <= 5 * len(text)
