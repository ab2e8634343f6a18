"""An estimate in words."""

from __future__ import annotations

from debates.engine.types import DecisionMode, Estimate, ProtocolName
from debates.services.creation import NewDebate
from debates.services.panels import Roster, default_panel, price_of
from debates.web.figures import describe_cost_range, describe_range, describe_seconds

MODEL_SECONDS = (4.0, 15.0)
"""What a phase commonly takes among language models, which answer at the same time."""
EXTRACTIVE_WORDS = (60.0, 250.0)
"""What the longest-winded of a phase says, which sets its length."""
CLASSIC_PHASES = 4


def present_estimate(
    estimate: Estimate, *, request: NewDebate, words_per_second: float, price_known: bool = True
) -> dict[str, str]:
    """Calls, tokens, cost and time in words. A panel that costs nothing and uses no tokens is
    taken to be extractive; `words_per_second` is its pace, 0 for at once. `price_known` is false
    when somebody who may be asked has a price that nobody has entered or published."""
    if estimate.tokens_high:
        pace = MODEL_SECONDS
    else:
        low, high = EXTRACTIVE_WORDS
        pace = (low / words_per_second, high / words_per_second) if words_per_second else (0.0, 0.0)
    first, last = _phases(request)
    return {
        "calls": describe_range(estimate.calls_low, estimate.calls_high),
        "tokens": describe_range(estimate.tokens_low, estimate.tokens_high),
        "cost": describe_cost_range(
            estimate.cost_low_usd, estimate.cost_high_usd, price_known=price_known
        ),
        "time": _describe_time(first * pace[0], last * pace[1]),
    }


def _phases(request: NewDebate) -> tuple[int, int]:
    """How many phases come one after the other, at least and at most."""
    judged = request.decision in (DecisionMode.AUTO, DecisionMode.JUDGE)
    if request.protocol == ProtocolName.CLASSIC:
        return CLASSIC_PHASES, CLASSIC_PHASES * request.rounds + judged
    return 1, 1 + request.rounds + 1 + judged


def _describe_time(low: float, high: float) -> str:
    first, last = describe_seconds(low), describe_seconds(high)
    return last if first == last else f"{first} to {last}"


def prices_known(request: NewDebate) -> bool:
    """Whether all prices are known of those whom the request asks. Reads the agents."""
    roster = Roster.load()
    members = roster.ready(request.agents) if request.agents else default_panel(roster.ready())
    return all(price_of(link) is not None for member in members for link in roster.chain(member))
