"""Redis is killed, hangs and comes back: limits stay, nobody waits twice, nothing raises."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import structlog
from django.test import Client

from ratelimit import metrics
from ratelimit.backends.base import Ask
from ratelimit.backends.redis import TIMEOUT_SECONDS, RedisBuckets
from ratelimit.gcra import Pace
from ratelimit.limiter import RETRY_SECONDS, Limiter
from tests.support.processes import Process, free_port, redis_process

pytestmark = [pytest.mark.faults, pytest.mark.redis]

SLOW = Pace(1, 60, 5)


class Redis:
    """A server of the test's own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.process: Process = redis_process(port)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = redis_process(self.port)
        self.process.start()
        self.process.wait_for_line("eady to accept connections")


@pytest.fixture
def server() -> Iterator[Redis]:
    server = Redis(free_port())
    server.start()
    yield server
    server.process.stop()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(server: Redis, clock: Clock) -> Limiter:
    return Limiter(shared=RedisBuckets(server.url, prefix="test:", least_ttl=120), clock=clock)


def one(name: str = "user:1") -> list[Ask]:
    return [Ask(name, SLOW)]


def passed(limiter: Limiter, name: str, calls: int) -> int:
    return sum(limiter.take(one(name)).allowed for _ in range(calls))


def test_limits_stay_when_redis_is_killed_and_it_is_found_again(
    server: Redis, limiter: Limiter, clock: Clock
) -> None:
    lost = metrics.FALLBACKS._value.get()
    assert passed(limiter, "user:1", 9) == 5
    assert passed(limiter, "user:2", 3) == 3
    with structlog.testing.capture_logs() as logs:
        server.process.kill()
        # Who was held is held, who had some left has them, and a stranger begins.
        assert passed(limiter, "user:1", 3) == 0
        assert passed(limiter, "user:2", 9) == 2
        assert passed(limiter, "user:3", 9) == 5
        assert not limiter.is_shared
        assert [entry.name for entry in limiter.limited()] == ["user:3", "user:2", "user:1"]

        clock.now += RETRY_SECONDS
        assert passed(limiter, "user:3", 3) == 0
        server.start()
        assert passed(limiter, "user:3", 3) == 0  # It is asked again after a while.
        clock.now += RETRY_SECONDS
        limiter.take(one("user:4"))
        assert limiter.is_shared
    assert [entry["event"] for entry in logs] == ["ratelimit_redis_lost", "ratelimit_redis_found"]
    assert metrics.FALLBACKS._value.get() == lost + 1
    assert metrics.SHARED._value.get() == 1
    other = Limiter(shared=RedisBuckets(server.url, prefix="test:", least_ttl=120))
    assert passed(other, "user:4", 9) == 4


def test_a_redis_that_hangs_holds_up_one_call(
    server: Redis, limiter: Limiter, clock: Clock
) -> None:
    limiter.take(one())
    server.process.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert passed(limiter, "user:1", 100) == 4
        took = time.monotonic() - started
        clock.now += RETRY_SECONDS
        assert passed(limiter, "user:1", 100) == 0
    finally:
        server.process.signal(signal.SIGCONT)
    assert TIMEOUT_SECONDS <= took < 10 * TIMEOUT_SECONDS
    clock.now += RETRY_SECONDS
    limiter.take(one())
    assert limiter.is_shared


def test_a_redis_that_refuses_is_as_good_as_none(server: Redis, limiter: Limiter) -> None:
    import redis

    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1")
    assert passed(limiter, "user:1", 9) == 5
    assert not limiter.is_shared


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_requests_are_answered_and_held_without_it(
    server: Redis, configure: Callable[..., None], as_charlie: Client
) -> None:
    configure(redis_url=server.url, redis_key_prefix="test:http:", rate_limit=8)

    def ask() -> Any:
        return as_charlie.get("/api/v1/agents")

    assert [ask().status_code for _ in range(6)] == [HTTPStatus.OK] * 6
    server.process.kill()
    answers = [ask() for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 2 + [429] * 4
    assert answers[-1]["RateLimit"].startswith('"anonymous";r=0;t=')
    assert as_charlie.get("/about/").status_code == HTTPStatus.OK
