"""A server that is away for some seconds costs a debate time, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from debates.engine.types import DecisionMode, Setup
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.providers.base import AgentSpec, CircuitOpen, ServerFailed, ServerUnreachable
from debates.providers.breaker import BreakerState
from tests.providers.conftest import KEY, KEY_VARIABLE, Asked
from tests.providers.test_whole_debates import Table
from tests.support.calls import make_call

NAMES = ("ada", "ben", "cleo")


class Restarted:
    """A server that can be away. Its port stays its own."""

    def __init__(self) -> None:
        self.server = ModelServer()
        self._running = ExitStack()
        self._running.enter_context(self.server)

    def leave(self) -> None:
        self._running.close()

    def come_back(self) -> None:
        self.server = ModelServer(port=self.server.port)
        self._running.enter_context(self.server)


@pytest.fixture
def restarted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Restarted]:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    restarted = Restarted()
    yield restarted
    restarted.leave()


@pytest.fixture
def panel(restarted: Restarted) -> tuple[AgentSpec, ...]:
    return tuple(
        AgentSpec(
            name=name,
            provider="openai_compatible",
            model=f"model-{name}",
            base_url=restarted.server.openai_url,
            api_key_variable=KEY_VARIABLE,
        )
        for name in NAMES
    )


def come_back_after(asked: Asked, restarted: Restarted, seconds: float) -> None:
    """Have the server return when the clock has gone on by so much."""
    back = asked.now + seconds
    away = True

    async def sleep(waited: float) -> None:
        nonlocal away
        asked.waits.append(waited)
        asked.now += waited
        if away and asked.now >= back:
            away = False
            restarted.come_back()
        await asyncio.sleep(0)

    asked.gateway.sleep = sleep


def setup_of(table: Table) -> Setup:
    return Setup(
        question="Is the plan sound?",
        panel=tuple(map(table.panelist, NAMES)),
        decision=DecisionMode.MAJORITY,
        rounds=1,
    )


async def fail_until_open(asked: Asked, spec: AgentSpec) -> None:
    guard = asked.breakers.of(spec)
    while guard.state is BreakerState.CLOSED:
        with pytest.raises(ServerUnreachable), guard.guard():
            raise ServerUnreachable("Nothing answers at all.")


async def test_a_debate_outlives_a_restart(
    asked: Asked, restarted: Restarted, panel: tuple[AgentSpec, ...]
) -> None:
    table = Table(asked, *panel)
    await asked.ask(panel[0], make_call())
    restarted.leave()
    come_back_after(asked, restarted, 12)

    verdict = await table.debate(setup_of(table))

    assert verdict.reached
    assert len(restarted.server.requests) == len(table.turns)


async def test_the_first_panel_after_it_is_back_completes(
    asked: Asked, panel: tuple[AgentSpec, ...]
) -> None:
    await fail_until_open(asked, panel[0])
    asked.now += 3600
    assert asked.breakers.of(panel[0]).state is BreakerState.HALF_OPEN
    table = Table(asked, *panel)

    verdict = await table.debate(setup_of(table))

    assert verdict.reached
    assert asked.waits == []


async def test_the_probes_first_word_lets_the_others_in(
    asked: Asked, restarted: Restarted, panel: tuple[AgentSpec, ...]
) -> None:
    await fail_until_open(asked, panel[0])
    asked.now += 5
    restarted.server.script(Behaviour(fault=Fault.HOLD, model=panel[0].model))
    probe = asyncio.create_task(asked.ask(panel[0], make_call()))
    await asyncio.to_thread(restarted.server.wait_for_requests, 1)

    await asked.ask(panel[1], make_call())

    assert not probe.done()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe


async def test_the_deadline_tells_the_first_cause(
    asked: Asked, restarted: Restarted, panel: tuple[AgentSpec, ...]
) -> None:
    restarted.leave()

    with pytest.raises(ServerUnreachable) as caught:
        await asked.ask(panel[0], make_call(), deadline_seconds=30)

    assert str(caught.value) == f"Nothing answers at {panel[0].base_url}."
    assert 20 < asked.now <= 30
    assert asked.waits[:3] == [0.5, 1.0, 2.0]
    assert asked.meter.usage.total == 0


async def test_a_call_that_comes_too_late_for_it_hears_the_cause_too(
    asked: Asked, panel: tuple[AgentSpec, ...]
) -> None:
    await fail_until_open(asked, panel[0])

    with pytest.raises(CircuitOpen, match=r"^Nothing answers at all\. .* has failed too often"):
        await asked.ask(panel[0], make_call(), deadline_seconds=4)

    assert asked.waits == []


async def test_whoever_has_a_fallback_does_not_wait(
    asked: Asked, restarted: Restarted, panel: tuple[AgentSpec, ...], model_server: ModelServer
) -> None:
    await fail_until_open(asked, panel[0])
    second = AgentSpec(
        name="ben",
        provider="openai_compatible",
        model="second",
        base_url=model_server.openai_url,
        api_key_variable=KEY_VARIABLE,
    )
    first = AgentSpec(
        name="ada",
        provider="openai_compatible",
        model="first",
        base_url=panel[0].base_url,
        fallback=second,
    )

    _, completion = await asked.ask(first, make_call())

    assert completion.served_by == "ben"
    assert asked.waits == []


async def test_requests_that_a_server_took_are_bounded(
    asked: Asked, restarted: Restarted, panel: tuple[AgentSpec, ...]
) -> None:
    restarted.server.script(*[Behaviour(status=500)] * 20)

    with pytest.raises(ServerFailed):
        await asked.ask(panel[0], make_call())

    assert len(restarted.server.requests) == asked.gateway.policy.attempts


@pytest.mark.parametrize("probing", [False, True], ids=["resting", "probing"])
async def test_cancelling_ends_the_wait_at_once(
    asked: Asked, restarted: Restarted, panel: tuple[AgentSpec, ...], probing: bool
) -> None:
    waiting = asyncio.Event()

    async def rest(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    asked.gateway.sleep = rest
    await fail_until_open(asked, panel[0])
    guard = asked.breakers.of(panel[0])
    asked.now += 5 if probing else 0
    with ExitStack() as probe:
        if probing:
            probe.enter_context(guard.guard())
        asking = asyncio.create_task(asked.ask(panel[0], make_call()))
        if probing:
            for _ in range(10):
                await asyncio.sleep(0)
            assert guard._waiting
        else:
            await waiting.wait()

        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert restarted.server.requests == []
