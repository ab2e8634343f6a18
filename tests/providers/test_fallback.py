"""An agent that fails before its first word is replaced by its fallback."""

from __future__ import annotations

import pytest

from debates.engine.types import Phase, Price
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.providers.base import (
    AgentSpec,
    CircuitOpen,
    InvalidReply,
    KeyRefused,
    ServerFailed,
    TurnTimedOut,
)
from tests.providers.conftest import Asked, MakeSpec
from tests.support.calls import make_call

FIRST, SECOND, THIRD = "first-model", "second-model", "third-model"


@pytest.fixture
def spec(make_model_spec: MakeSpec) -> AgentSpec:
    third = make_model_spec(name="cleo", model=THIRD)
    second = make_model_spec(
        name="ben", model=SECOND, price=Price(3_000_000.0, 3_000_000.0), fallback=third
    )
    return make_model_spec(name="ada", model=FIRST, fallback=second)


def models_asked(server: ModelServer) -> list[str]:
    return [request.model for request in server.requests]


@pytest.mark.parametrize("phase", [Phase.DRAFT, Phase.VOTE])
async def test_the_fallback_answers_in_its_place(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, phase: Phase
) -> None:
    model_server.script(Behaviour(status=401, model=FIRST))

    _, completion = await asked.ask(spec, make_call(phase))

    assert models_asked(model_server) == [FIRST, SECOND]
    assert completion.served_by == "ben"
    assert completion.model == SECOND
    assert completion.cost_usd == 3 * completion.usage.total


async def test_the_fallback_has_a_fallback(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(status=401, model=FIRST), Behaviour(status=400, model=SECOND))

    _, completion = await asked.ask(spec, make_call())

    assert completion.served_by == "cleo"


async def test_the_agents_own_retries_come_first(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(status=500, model=FIRST)] * 3)

    await asked.ask(spec, make_call())

    assert models_asked(model_server) == [FIRST, FIRST, FIRST, SECOND]


async def test_after_the_first_word_the_agent_is_not_replaced(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(fault=Fault.CUT, model=FIRST)] * 3)

    with pytest.raises(ServerFailed):
        await asked.ask(spec, make_call())

    assert models_asked(model_server) == [FIRST] * 3


async def test_an_answer_that_cannot_be_read_is_no_reason(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(answer={"choice": "Z"}, model=FIRST)] * 2)

    with pytest.raises(InvalidReply):
        await asked.ask(spec, make_call(Phase.JUDGE))

    assert models_asked(model_server) == [FIRST, FIRST]


async def test_a_silent_agent_leaves_its_fallback_half_of_the_time(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(fault=Fault.HOLD, after_pieces=0, model=FIRST))

    _, completion = await asked.ask(spec, make_call(), deadline_seconds=1.0)

    assert completion.served_by == "ben"
    assert completion.usage_estimated


async def test_a_long_wait_is_left_to_the_fallback(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(status=429, headers={"retry-after": "40"}, model=FIRST))

    _, completion = await asked.ask(spec, make_call(), deadline_seconds=60)

    assert completion.served_by == "ben"
    assert asked.waits == []


async def test_when_all_fail_the_last_failure_is_told(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(
        Behaviour(status=400, model=FIRST),
        Behaviour(status=400, model=SECOND),
        Behaviour(status=401, model=THIRD),
    )

    with pytest.raises(KeyRefused):
        await asked.ask(spec, make_call())


async def test_an_open_circuit_leads_to_the_fallback(
    asked: Asked, make_model_spec: MakeSpec, model_server: ModelServer
) -> None:
    second = make_model_spec(name="ben", model=SECOND)
    elsewhere = "http://127.0.0.1:9/v1"
    first = make_model_spec(model=FIRST, base_url=elsewhere, fallback=second)
    guard = asked.breakers.of(first)
    for _ in range(5):
        with pytest.raises(ServerFailed), guard.guard():
            raise ServerFailed("It failed.")
    with pytest.raises(CircuitOpen), guard.guard():
        pass

    _, completion = await asked.ask(first, make_call())

    assert completion.served_by == "ben"


async def test_a_deadline_that_has_passed_is_not_passed_on(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(
        *[Behaviour(fault=Fault.HOLD, after_pieces=0, model=m) for m in (FIRST, SECOND, THIRD)]
    )

    with pytest.raises(TurnTimedOut):
        await asked.ask(spec, make_call(), deadline_seconds=0.4)
