"""What a debate may use, told before it starts."""

import pytest

from debates.engine.budget import worst_case
from debates.engine.estimate import estimate
from debates.engine.types import DecisionMode, Document, Price, ProtocolName, Setup
from tests.engine.panel import JUDGE, Move, Script, hold, panelists, setup_of

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Po"}
MOVES = {("ada", number): Move(f"River {number}", "A step.") for number in range(1, 13)}


@pytest.mark.parametrize(
    ("protocol", "decision", "low", "high"),
    [
        (ProtocolName.ADAPTIVE, DecisionMode.PLURALITY, 3, 3 + 2 * 3 + 3),
        (ProtocolName.ADAPTIVE, DecisionMode.NONE, 3, 3 + 2 * 3),
        (ProtocolName.ADAPTIVE, DecisionMode.JUDGE, 3, 3 + 2 * 3 + 2 + 3),
        (ProtocolName.CLASSIC, DecisionMode.PLURALITY, 9, 3 + 2 * 9),
        (ProtocolName.CLASSIC, DecisionMode.JUDGE, 9, 3 + 2 * 11),
    ],
)
def test_calls(protocol: ProtocolName, decision: DecisionMode, low: int, high: int) -> None:
    setup = setup_of(3, protocol=protocol, decision=decision, rounds=2, judge=JUDGE)
    told = estimate(setup)
    assert (told.calls_low, told.calls_high) == (low, high)


@pytest.mark.parametrize("protocol", ProtocolName)
def test_the_high_figure_covers_the_longest_debate(protocol: ProtocolName) -> None:
    panel = panelists(3, price=Price(1.0, 4.0))
    setup = setup_of(3, panel=panel, protocol=protocol, rounds=4, decision=DecisionMode.UNANIMITY)
    who = {panelist.name: panelist for panelist in panel}
    held = hold(
        setup, Script(DRAFTS, MOVES), usage=lambda call: worst_case(call, who[call.key.agent])
    )
    told = estimate(setup)
    assert len(held.turns) == told.calls_high
    assert sum(turn.usage.total for turn in held.turns) <= told.tokens_high
    assert sum(turn.cost_usd for turn in held.turns) <= told.cost_high_usd


def test_money_follows_the_prices() -> None:
    cheap, dear = panelists(2, price=Price(1.0, 1.0))
    setup = setup_of(2, panel=(cheap, dear))
    told = estimate(setup)
    assert told.cost_high_usd == pytest.approx(told.tokens_high / 1_000_000)
    assert sum(told.by_agent.values()) == pytest.approx(told.cost_high_usd)
    assert set(told.by_agent) == {"ada", "ben"}
    assert told.tokens_low < told.tokens_high
    assert told.cost_low_usd < told.cost_high_usd


def test_documents_count_in_every_call() -> None:
    def high(setup: Setup) -> int:
        return estimate(setup).tokens_high

    bare = setup_of(3)
    document = Document(1, "Report", "word " * 1000)
    assert high(setup_of(3, documents=(document,))) > high(bare) + 1000 * estimate(bare).calls_high


def test_what_is_no_language_model_costs_nothing() -> None:
    told = estimate(setup_of(3, panel=panelists(3, is_language_model=False)))
    assert told.tokens_high == 0
    assert told.cost_high_usd == 0.0
    assert told.calls_high == 15
