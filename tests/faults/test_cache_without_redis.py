"""The cache answers while Redis is dead or hangs, in time, and forms stay limited."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from aragora_site import caches as tolerant
from debates.caching import ALIAS, RATINGS
from debates.services.preferences import save_preferences
from tests.factories import make_rating
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
        alias: {
            "BACKEND": "aragora_site.caches.TolerantRedisCache",
            "LOCATION": f"redis://127.0.0.1:{port}/0",
            "KEY_PREFIX": alias,
        }
        for alias in ("default", ALIAS)
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
        return not cache._outage.is_on

    wait_until(is_shared)
    assert cache.get("ben") == 1488


@pytest.mark.django_db
def test_passwords_cannot_be_tried_without_end(redis: Process, client: Client) -> None:
    redis.kill()
    form = {"username": "alice", "password": "wrong"}
    answers = [client.post("/sign-in/", form).status_code for _ in range(12)]
    assert answers[:10] == [200] * 10
    assert answers[-1] == 429


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_leaderboard_is_there_and_true_without_redis(
    redis: Process, client: Client, number: int
) -> None:
    def names() -> list[str]:
        answer = client.get("/api/v1/leaderboard")
        assert answer.status_code == 200
        return [row["name"] for row in answer.json()["rankings"]]

    make_rating("ada", 1512.0)
    assert names() == ["ada"]
    redis.signal(number)
    began = time.monotonic()
    make_rating("ben", 1488.0)
    RATINGS.changed()
    assert names() == ["ada", "ben"]
    assert names() == ["ada", "ben"]
    assert time.monotonic() - began < SOON_SECONDS


@pytest.mark.django_db(transaction=True)
def test_what_changed_while_redis_was_away_is_not_told_when_it_is_back(
    redis: Process, client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tolerant, "AWAY_SECONDS", 60.0)

    def rounds_in_the_form() -> str:
        (found,) = re.findall(r'name="rounds"[^>]* value="(\d+)"', client.get("/").content.decode())
        return str(found)

    client.force_login(alice)
    save_preferences(user=alice, choices={"rounds": 5}, now=timezone.now())
    assert rounds_in_the_form() == "5"
    redis.signal(signal.SIGSTOP)
    assert rounds_in_the_form() == "5"
    save_preferences(user=alice, choices={"rounds": 7}, now=timezone.now())
    assert rounds_in_the_form() == "7"
    redis.signal(signal.SIGCONT)
    caches[ALIAS]._outage._next_try = 0.0
    assert rounds_in_the_form() == "7"
    assert not caches[ALIAS].is_away


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_one_waits_for_a_redis_that_hangs(
    redis: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tolerant, "AWAY_SECONDS", 60.0)
    caches["default"].set("ada", 1512)
    redis.signal(signal.SIGSTOP)
    assert caches["default"].get("ada") is None

    def ask(_: int) -> float:
        began = time.monotonic()
        caches["default"].get("ada")
        connections.close_all()
        return time.monotonic() - began

    with ThreadPoolExecutor(8) as threads:
        assert max(threads.map(ask, range(40))) < tolerant.TIMEOUT_SECONDS
