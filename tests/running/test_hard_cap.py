"""A budget is never overrun, also when answers have to be asked for twice."""

from __future__ import annotations

import pytest

from debates.choices import DebateStatus
from debates.engine.types import StopReason
from debates.mock_llm.server import Behaviour, ModelServer
from tests.support.debating import Ears, Worker, assert_whole, model_debate

UNREADABLE = Behaviour(answer="I would rather not say. " * 40)


@pytest.mark.parametrize("budget", [7_000, 9_000, 12_000, 20_000])
@pytest.mark.parametrize("spoilt", [0, 2])
def test_the_cap_on_tokens_holds(
    heard: Ears, model_server: ModelServer, budget: int, spoilt: int
) -> None:
    model_server.script(*[UNREADABLE] * spoilt)
    debate = model_debate(model_server, budget_tokens=budget, rounds=12)
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    assert 0 < debate.input_tokens + debate.output_tokens <= budget
    assert_whole(debate)
    if debate.status == DebateStatus.COMPLETED:
        assert debate.verdict.detail["candidates"]
    else:
        # Too few could be asked again, and fewer than the quorum answer for nobody.
        assert (spoilt, debate.stop_reason) == (2, StopReason.QUORUM)
