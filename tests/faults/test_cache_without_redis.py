"""The cache answers while Redis is dead or hangs, in time, and forms stay limited."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django.fixtures import Settings

from aragora_site import caches as tolerant
from tests.support.processes import Process, free_port, redis_process
from tests.support.sites import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.redis]

SOON_SECONDS = 2.0
"""One time-out and a retry, on a busy machine; forty questions that each waited would take 20 s."""


@pytest.fixture
def redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    port = free_port()
    process = redis_process(port)
    process.start()
    process.wait_for_line("eady to accept")
    monkeypatch.setattr(tolerant, "AWAY_SECONDS", 0.2)
    settings.CACHES = {
        "default": {
            "BACKEND": "aragora_site.caches.TolerantRedisCache",
            "LOCATION": f"redis://127.0.0.1:{port}/0",
        }
    }
    yield process
    process.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_it_answers_without_redis_and_with_it_again(redis: Process, number: int) -> None:
    cache = caches["default"]
    cache.set("ada", 1512)
    assert cache.get("ada") == 1512
    redis.signal(number)
    if number == signal.SIGKILL:
        redis.child.wait()
    began = time.monotonic()
    assert cache.get("ada", "nothing") == "nothing"
    assert cache.add("tries", 0)
    for tries in range(1, 40):
        assert cache.incr("tries") == tries
    assert cache.get_many(["tries"]) == {"tries": 39}
    assert cache.get_or_set("made", lambda: "here") == "here"
    cache.delete_many(["tries", "made"])
    assert not cache.has_key("tries")
    assert time.monotonic() - began < SOON_SECONDS + 1
    if number == signal.SIGKILL:
        redis.start()
        redis.wait_for_line("eady to accept")
    else:
        redis.signal(signal.SIGCONT)

    def is_shared() -> bool:
        cache.set("ben", 1488)
        return not cache._is_away

    wait_until(is_shared)
    assert cache.get("ben") == 1488


@pytest.mark.django_db
def test_passwords_cannot_be_tried_without_end(redis: Process, client: Client) -> None:
    redis.kill()
    form = {"username": "alice", "password": "wrong"}
    answers = [client.post("/sign-in/", form).status_code for _ in range(12)]
    assert answers[:10] == [200] * 10
    assert answers[-1] == 429
