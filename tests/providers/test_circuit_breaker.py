"""A server that keeps failing is left alone for a while, over all debates."""

from __future__ import annotations

import asyncio

import pytest

from debates.engine.types import Phase
from debates.mock_llm.server import Behaviour, Fault, ModelServer, Options
from debates.providers.base import (
    AgentSpec,
    CircuitOpen,
    Incomplete,
    InvalidReply,
    KeyRefused,
    OutOfRoom,
    ProviderError,
    RateLimited,
    RequestRejected,
    ServerFailed,
    ServerSilent,
    TurnTimedOut,
)
from debates.providers.breaker import Breaker, BreakerState
from tests.providers.conftest import Asked
from tests.support.calls import make_call


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("a server", threshold=3, rest_seconds=30, longest_rest_seconds=200, clock=clock)


def state_of(breaker: Breaker) -> BreakerState:
    return breaker.state


def fail(breaker: Breaker, kind: type[ProviderError] = ServerFailed) -> None:
    with pytest.raises(kind), breaker.guard():
        raise kind("It failed.")


def answer(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    assert state_of(breaker) is BreakerState.CLOSED
    fail(breaker)
    assert state_of(breaker) is BreakerState.OPEN
    with pytest.raises(CircuitOpen, match="a server has failed too often"):
        answer(breaker)


def test_an_answer_between_them_keeps_it_closed(breaker: Breaker) -> None:
    for _ in range(5):
        fail(breaker)
        fail(breaker)
        answer(breaker)
    assert state_of(breaker) is BreakerState.CLOSED


@pytest.mark.parametrize("kind", [ServerFailed, Incomplete, ServerSilent])
def test_what_speaks_against_a_server(breaker: Breaker, kind: type[ProviderError]) -> None:
    for _ in range(3):
        fail(breaker, kind)
    assert state_of(breaker) is BreakerState.OPEN


@pytest.mark.parametrize(
    "kind", [KeyRefused, RequestRejected, RateLimited, OutOfRoom, InvalidReply, TurnTimedOut]
)
def test_what_does_not(breaker: Breaker, kind: type[ProviderError]) -> None:
    for _ in range(10):
        fail(breaker, kind)
    assert state_of(breaker) is BreakerState.CLOSED


def test_after_a_rest_one_call_probes_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 30
    assert state_of(breaker) is BreakerState.HALF_OPEN

    with breaker.guard(), pytest.raises(CircuitOpen), breaker.guard():
        pass

    assert state_of(breaker) is BreakerState.CLOSED


def test_a_failed_probe_begins_a_longer_rest(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    for rest in (60, 120, 200, 200):
        clock.now += breaker.rest_left
        fail(breaker)
        assert state_of(breaker) is BreakerState.OPEN
        assert breaker.rest_left == rest
    clock.now += 200
    answer(breaker)
    assert state_of(breaker) is BreakerState.CLOSED
    for _ in range(3):
        fail(breaker)
    assert breaker.rest_left == 30


def test_a_first_word_closes_it_and_a_failure_after_that_opens_it_again(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 30
    passing = breaker.guard()
    heard = passing.__enter__()
    heard()
    assert state_of(breaker) is BreakerState.CLOSED
    passing.__exit__(ServerFailed, ServerFailed("It was cut."), None)
    assert state_of(breaker) is BreakerState.OPEN
    assert breaker.rest_left == 60


def test_a_cancelled_probe_leaves_room_for_the_next(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 30
    with pytest.raises(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError
    assert state_of(breaker) is BreakerState.HALF_OPEN
    answer(breaker)
    assert state_of(breaker) is BreakerState.CLOSED


def test_calls_from_before_it_opened_do_not_decide(breaker: Breaker, clock: Clock) -> None:
    late_answer, late_failure = breaker.guard(), breaker.guard()
    late_answer.__enter__()
    late_failure.__enter__()
    for _ in range(3):
        fail(breaker)
    clock.now += 20

    late_answer.__exit__(None, None, None)
    assert state_of(breaker) is BreakerState.OPEN
    late_failure.__exit__(ServerFailed, ServerFailed("It failed late."), None)

    clock.now += 10
    assert state_of(breaker) is BreakerState.HALF_OPEN


async def test_it_is_shared_by_all_agents_of_a_server(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(status=500)] * 5)
    with pytest.raises(ServerFailed):
        await asked.ask(spec, make_call())

    # Its second failure is the fifth in a row; then it waits with all others.
    await asked.ask(spec, make_call(Phase.VOTE))

    assert asked.waits == [0.5, 1.0, 0.5, 1.0, pytest.approx(4.0, abs=1.1)]
    assert len(model_server.requests) == 6
    assert asked.breakers.of(spec).state is BreakerState.CLOSED


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(status=400), Behaviour(finish_reason="length"), Behaviour(answer="Nonsense.")],
    ids=["400", "length", "unreadable"],
)
async def test_answers_that_are_of_no_use_keep_it_closed(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, behaviour: Behaviour
) -> None:
    model_server.script(*[behaviour] * 12)
    for _ in range(6):
        with pytest.raises(ProviderError):
            await asked.ask(spec, make_call())
    assert asked.breakers.of(spec).state is BreakerState.CLOSED


async def test_a_refused_key_keeps_it_closed(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.reset(Options(key="another"))
    for _ in range(6):
        with pytest.raises(KeyRefused):
            await asked.ask(spec, make_call())
    assert asked.breakers.of(spec).state is BreakerState.CLOSED


async def test_cut_streams_open_it(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(fault=Fault.CUT)] * 6)
    for _ in range(2):
        with pytest.raises(ProviderError):
            await asked.ask(spec, make_call())
    assert asked.breakers.of(spec).state is BreakerState.OPEN
