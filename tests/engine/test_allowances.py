"""What each call may use over all of its tries adds up to no more than the budget."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from debates.engine.budget import allowances, fits, worst_case
from debates.engine.planner import next_step
from debates.engine.types import Ask, Panelist, Price, Setup, Spent, Usage

PANEL = tuple(
    Panelist(name, "model", max_output_tokens=size, price=Price(size, 2.0 * size))
    for name, size in (("alice", 100), ("bob", 400), ("charlie", 1600))
)
SETUP = Setup("Should we?", PANEL)


def first_calls(setup: Setup) -> Ask:
    step = next_step(setup, (), Spent())
    assert isinstance(step, Ask)
    return step


@given(st.integers(3_000, 50_000), st.integers(0, 20_000))
def test_all_tries_together_stay_within_the_tokens(budget: int, used: int) -> None:
    setup, spent = replace(SETUP, budget_tokens=budget), Spent(Usage(used, 0))
    asked = first_calls(SETUP).calls
    members = {one.name: one for one in PANEL}
    worst = [(members[call.key.agent], worst_case(call, members[call.key.agent])) for call in asked]
    found = allowances(setup, spent, asked)
    assert set(found) == {call.key for call in asked}
    if fits(setup, spent, worst):
        assert sum(one.tokens or 0 for one in found.values()) + used <= budget
    for (_, usage), call in zip(worst, asked, strict=True):
        assert found[call.key].covers(usage, 0.0)


@given(st.floats(0.01, 50.0), st.floats(0.0, 20.0))
def test_and_within_the_money(budget: float, used: float) -> None:
    setup, spent = replace(SETUP, budget_usd=budget), Spent(cost_usd=used)
    asked = first_calls(SETUP).calls
    members = {one.name: one for one in PANEL}
    worst = [(members[call.key.agent], worst_case(call, members[call.key.agent])) for call in asked]
    if fits(setup, spent, worst):
        found = allowances(setup, spent, asked)
        total = math.fsum([used, *(one.cost_usd or 0.0 for one in found.values())])
        assert total <= budget * (1 + 1e-9)


def test_without_a_budget_nothing_is_bounded() -> None:
    for allowance in allowances(SETUP, Spent(), first_calls(SETUP).calls).values():
        assert allowance.covers(Usage(10**9, 10**9), 1e9)
