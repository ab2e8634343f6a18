"""No second try goes beyond what a call may use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from debates.engine.budget import Allowance
from debates.engine.types import Phase
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.providers.base import AgentSpec, InvalidReply, ServerFailed
from debates.providers.meter import Meter
from tests.providers.conftest import Asked
from tests.support.calls import make_call

UNREADABLE = Behaviour(answer="I would rather not say.")
CUT = Behaviour(fault=Fault.CUT)


def with_allowance(asked: Asked, **allowance: float | int) -> Asked:
    return replace(asked, meter=Meter(allowance=Allowance(**allowance)))  # type: ignore[arg-type]


async def test_an_unreadable_answer_is_not_sent_back_on_a_spent_budget(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(UNREADABLE)

    with pytest.raises(InvalidReply, match="budget"):
        await with_allowance(asked, tokens=1_100).ask(spec, make_call())

    assert len(model_server.requests) == 1


async def test_a_cut_answer_is_not_asked_for_again_on_a_spent_budget(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(CUT)

    with pytest.raises(ServerFailed):
        await with_allowance(asked, cost_usd=0.0).ask(spec, make_call())

    assert len(model_server.requests) == 1


async def test_a_try_that_used_nothing_costs_nothing(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(status=500), Behaviour(status=429))

    await with_allowance(asked, tokens=1, cost_usd=0.0).ask(spec, make_call(Phase.VOTE))

    assert len(model_server.requests) == 3


async def test_with_enough_left_it_is_sent_back(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(UNREADABLE)

    await with_allowance(asked, tokens=1_000_000).ask(spec, make_call())

    assert len(model_server.requests) == 2
