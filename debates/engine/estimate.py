"""What a debate may use, told before it starts."""

from __future__ import annotations

import math
from collections import defaultdict

from debates.engine.budget import Worst, most_of_phase
from debates.engine.protocols import protocol_of
from debates.engine.questions import rule_for
from debates.engine.types import DecisionMode, Estimate, Phase, Setup, Usage

TERSE = 4
"""Agents use about a quarter of the tokens that they may, or more: the low figure takes that."""


def estimate(setup: Setup) -> Estimate:
    """From the least, a debate that ends as soon as its protocol can without a vote, to the most:
    all rounds, the vote, and answers as long as they may be.

    A high bound for one try of each call, as long as agents write no longer words than usual."""
    protocol = protocol_of(setup)
    shortest = protocol.shortest()
    longest = protocol.longest(setup.rounds, _closing(setup))
    worst = {phase: most_of_phase(setup, phase) for phase in {*shortest, *longest}}
    least = [
        (who, Usage(usage.input_tokens, -(-usage.output_tokens // TERSE)))
        for phase in shortest
        for who, usage in worst[phase]
    ]
    most = [one for phase in longest for one in worst[phase]]
    by_agent: dict[str, list[float]] = defaultdict(list)
    for who, usage in most:
        by_agent[who.name].append(who.price.cost(usage))
    return Estimate(
        calls_low=len(least),
        calls_high=len(most),
        tokens_low=_tokens(least),
        tokens_high=_tokens(most),
        cost_low_usd=_cost(least),
        cost_high_usd=_cost(most),
        by_agent={name: math.fsum(costs) for name, costs in sorted(by_agent.items())},
    )


def _closing(setup: Setup) -> list[Phase]:
    mode = rule_for(setup.decision, setup.question, setup.judge)
    if mode is DecisionMode.NONE:
        return []
    if mode is DecisionMode.JUDGE and setup.judge:
        return [Phase.JUDGE, Phase.VOTE]  # the vote is held when the judge fails
    return [Phase.VOTE]


def _tokens(worst: list[Worst]) -> int:
    return sum(usage.total for _, usage in worst)


def _cost(worst: list[Worst]) -> float:
    return math.fsum(who.price.cost(usage) for who, usage in worst)
