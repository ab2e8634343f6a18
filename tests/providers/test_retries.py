"""When a call is tried again, and after what wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from debates.mock_llm.server import Behaviour, ModelServer
from debates.providers.base import AgentSpec, ProviderError, RateLimited, ServerFailed
from debates.providers.gateway import RetryPolicy
from tests.providers.conftest import Asked
from tests.support.calls import make_call

RATE_LIMIT = Behaviour(status=429, headers={"retry-after": "7"})


async def test_the_wait_that_a_server_asks_for_is_kept(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(RATE_LIMIT)

    await asked.ask(spec, make_call())

    assert asked.waits == [7.0]


async def test_who_watches_is_told_why_an_agent_waits(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(RATE_LIMIT, Behaviour(status=500))

    await asked.ask(spec, make_call())

    assert len(asked.waits) == len(asked.reasons) == 2
    assert "500" in asked.reasons[1]


async def test_a_server_may_name_the_moment(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=40)
    date = format_datetime(moment, usegmt=True)
    model_server.script(Behaviour(status=429, headers={"retry-after": date}))

    await asked.ask(spec, make_call())

    (wait,) = asked.waits
    assert 30 < wait <= 40


async def test_an_overloaded_server_may_ask_for_a_wait_too(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(status=503, headers={"retry-after": "3"}))

    await asked.ask(spec, make_call())

    assert asked.waits == [3.0]


async def test_a_wait_past_the_deadline_is_not_begun(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(RATE_LIMIT)

    with pytest.raises(RateLimited) as caught:
        await asked.ask(spec, make_call(), deadline_seconds=5)

    assert caught.value.retry_after == 7
    assert asked.waits == []
    assert len(model_server.requests) == 1


async def test_callers_that_failed_together_do_not_come_back_together(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    asked.chance = 0.75
    model_server.script(Behaviour(status=500), Behaviour(status=500))

    await asked.ask(spec, make_call())

    assert asked.waits == [0.875, 1.75]


def test_waits_grow_up_to_a_bound() -> None:
    policy = RetryPolicy(base_seconds=1.0, longest_seconds=8.0)
    error = ServerFailed("It failed.")

    waits = [policy.wait(attempt, error, 0.5) for attempt in range(1, 8)]

    assert waits == [0.75, 1.5, 3.0, 6.0, 6.0, 6.0, 6.0]


def test_nobody_comes_back_before_the_server_said() -> None:
    policy = RetryPolicy(base_seconds=1.0)
    error = RateLimited("Too often.", retry_after=7)

    assert policy.wait(1, error, 0.0) == 7
    assert 7 < policy.wait(1, error, 0.9) < 8


async def test_the_client_libraries_do_not_retry_by_themselves(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(status=500, headers={"x-should-retry": "true"})] * 3)

    with pytest.raises(ProviderError):
        await asked.ask(spec, make_call())

    assert len(model_server.requests) == 3
