"""A turn ends at its deadline, or at once when it is cancelled; either way the connection closes
and what was used is counted."""

from __future__ import annotations

import asyncio

import pytest

from debates.engine.types import Phase
from debates.mock_llm.server import (
    PATIENCE_SECONDS,
    Behaviour,
    Fault,
    ModelServer,
    Seen,
)
from debates.providers.base import AgentSpec, ServerSilent, TurnTimedOut
from debates.providers.gateway import RetryPolicy
from tests.providers.conftest import Asked
from tests.support.calls import make_call

HELD = Behaviour(fault=Fault.HOLD)
STALLED = Behaviour(fault=Fault.HOLD, after_pieces=0)


async def reached(server: ModelServer) -> Seen:
    """Wait until the server holds its answer to the first request."""
    (seen,) = await asyncio.to_thread(server.wait_for_requests, 1)
    assert await asyncio.to_thread(seen.started.wait, PATIENCE_SECONDS)
    return seen


async def hung_up(seen: Seen) -> bool:
    return await asyncio.to_thread(seen.disconnected.wait, PATIENCE_SECONDS)


@pytest.mark.parametrize("phase", [Phase.DRAFT, Phase.VOTE])
@pytest.mark.parametrize("behaviour", [HELD, STALLED], ids=["held", "stalled"])
async def test_the_deadline_ends_a_turn(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, behaviour: Behaviour, phase: Phase
) -> None:
    model_server.script(behaviour)

    with pytest.raises(TurnTimedOut) as caught:
        await asked.ask(spec, make_call(phase), deadline_seconds=0.5)

    assert len(model_server.requests) == 1
    assert await hung_up(model_server.seen[0])
    assert caught.value.usage.input_tokens > 100
    assert caught.value.usage_estimated


@pytest.mark.parametrize("phase", [Phase.DRAFT, Phase.VOTE])
@pytest.mark.parametrize("behaviour", [HELD, STALLED], ids=["held", "stalled"])
async def test_cancelling_closes_the_connection(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, behaviour: Behaviour, phase: Phase
) -> None:
    model_server.script(behaviour)
    asking = asyncio.create_task(asked.ask(spec, make_call(phase)))
    seen = await reached(model_server)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await hung_up(seen)
    assert not seen.finished.is_set()


async def test_what_a_cancelled_call_used_is_estimated(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(HELD)
    heard = asyncio.Event()
    asking = asyncio.create_task(
        asked.gateway.ask(
            spec,
            make_call(),
            on_delta=lambda text, offset: heard.set(),
            deadline_seconds=60,
            meter=asked.meter,
        )
    )
    await heard.wait()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert asked.meter.estimated
    assert asked.meter.usage.input_tokens > 100
    assert asked.meter.usage.output_tokens > 1
    assert asked.meter.cost_usd > 100


async def test_cancelling_during_a_wait_ends_it(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    waiting = asyncio.Event()

    async def wait_for_ever(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    asked.gateway.sleep = wait_for_ever
    model_server.script(Behaviour(status=500))
    asking = asyncio.create_task(asked.ask(spec, make_call()))
    await waiting.wait()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert asked.meter.usage.total == 0


async def test_a_server_that_said_nothing_for_long_is_to_blame(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    asked.gateway.policy = RetryPolicy(silence_seconds=0.2)
    model_server.script(STALLED, HELD)

    with pytest.raises(ServerSilent):
        await asked.ask(spec, make_call(Phase.VOTE), deadline_seconds=0.3)

    with pytest.raises(TurnTimedOut) as caught:
        await asked.ask(spec, make_call(), deadline_seconds=0.5)
    assert not isinstance(caught.value, ServerSilent)
