"""What an instance does without is told alike by the pages, by health and by the metrics, and what
still works goes on."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from debates.choices import DebateStatus
from debates.conditions import tell_others_of_models
from debates.providers import breaker
from debates.providers.base import ServerFailed
from monitoring import conditions as watching
from monitoring import health
from monitoring.conditions import CONDITION, Condition, Conditions, conditions
from tests.factories import make_debate, make_model_spec, make_user
from tests.support.processes import Process, free_port, redis_process
from tests.support.sites import MODELS, Site, site_on_sqlite, wait_until
from tests.support.workers import workshop_on

LOOKS = dict(conditions._looks)
NAMES = sorted(name for names in LOOKS.values() for name in names)


@dataclass
class Told:
    """What each of them says."""

    page: list[str]
    health: str
    status: int
    metrics: list[str]


@pytest.fixture
def looked_at(
    transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Whoever asks has it looked at, and waits for that."""
    monkeypatch.setattr(conditions, "_looks", dict(LOOKS))
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(watching, "OLD_SECONDS", 0.0)
    monkeypatch.setattr(watching, "WAIT_SECONDS", 30.0)
    monkeypatch.setattr(breaker, "SHARED", breaker.Breakers())
    settings.ARAGORA = replace(
        settings.ARAGORA, max_concurrent_debates=1, max_queued_debates=2, redis_url=""
    )
    yield
    health.end_draining()
    health.note_writes(work=True)


def told(client: Client | None = None) -> Told:
    browser = client or Client()
    health.forget_answers()
    answer = browser.get("/api/health")
    return Told(
        page=re.findall(
            'data-condition="([a-z_]+)"', browser.get("/leaderboard/").content.decode()
        ),
        health=answer.json()["status"],
        status=answer.status_code,
        metrics=[name for name in NAMES if CONDITION.labels(name)._value.get()],
    )


def test_nothing_is_told_when_all_is_well(looked_at: None) -> None:
    assert told() == Told([], "healthy", 200, [])


def test_a_full_queue_is_told_and_being_busy_is_no_fault(looked_at: None) -> None:
    make_debate(status=DebateStatus.RUNNING)
    assert told().page == []
    make_debate(status=DebateStatus.PENDING)
    assert told() == Told(["at_capacity"], "healthy", 200, ["at_capacity"])
    make_debate(status=DebateStatus.PENDING)
    assert told() == Told(["queue_full"], "degraded", 200, ["queue_full"])


def test_a_server_that_leaves_says_so(looked_at: None) -> None:
    health.begin_draining()
    assert told() == Told(["draining"], "unhealthy", 503, ["draining"])


def test_a_database_that_takes_nothing_is_told(looked_at: None) -> None:
    health.note_writes(work=False)
    assert told() == Told(["read_only"], "unhealthy", 503, ["read_only"])


def fail(name: str, times: int = breaker.THRESHOLD) -> None:
    """Have a model server fail so often."""
    spec = make_model_spec(base_url=f"http://{name}:8000/v1")
    for _ in range(times):
        with pytest.raises(ServerFailed), breaker.SHARED.of(spec).guard():
            raise ServerFailed("It is broken.")


def test_models_are_away_when_none_of_them_answers(
    looked_at: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail("one")
    assert told() == Told(["models"], "degraded", 200, ["models"])
    fail("other", times=1)
    assert told() == Told([], "healthy", 200, [])
    fail("other", times=breaker.THRESHOLD - 1)
    tell_others_of_models()
    monkeypatch.setattr(breaker, "SHARED", breaker.Breakers())  # A process that asks no models.
    assert told().page == ["models"]


def test_staff_are_told_what_is_wrong_and_others_what_they_will_notice(
    looked_at: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> Condition:
        return Condition("replica", "", "The standby is late.")

    monkeypatch.setattr(conditions, "_looks", {})
    conditions.register(look, "replica")
    conditions.register(
        lambda: Condition("redis", "Words may come late.", "Redis does not <answer>."), "redis"
    )
    staff = Client()
    staff.force_login(make_user("olga", staff=True))
    for browser in (Client(), staff):
        page = browser.get("/leaderboard/").content.decode()
        assert "Words may come late." in page
        assert ("Redis does not &lt;answer&gt;." in page) == (browser is staff)
        assert ("The standby is late." in page) == (browser is staff)


def test_a_look_that_hangs_or_fails_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over, found = threading.Event(), Conditions()

    def fails() -> Condition | None:
        raise ValueError("It went wrong.")

    found.register(fails, "failing")
    found.register(lambda: Condition("there", "It is.", ""), "there")
    assert [one.name for one in found.known()] == ["there"]

    def hangs() -> Condition | None:
        over.wait()
        return None

    found.register(hangs, "hanging")
    found.forget()
    began = time.monotonic()
    for _ in range(20):
        found.known()
    assert time.monotonic() - began < 20 * watching.WAIT_SECONDS / 2
    over.set()


# --- A real server -----------------------------------------------------------------------------


@pytest.fixture
def redis() -> Iterator[Process]:
    process = redis_process(free_port())
    process.start()
    process.wait_for_line("eady to accept")
    yield process
    process.stop()


@pytest.fixture
def site(tmp_path: Path, redis: Process) -> Iterator[Site]:
    port = redis.command[redis.command.index("--port") + 1]
    with site_on_sqlite(
        tmp_path,
        ARAGORA_REDIS_URL=f"redis://127.0.0.1:{port}/0",
        ARAGORA_MAX_CONCURRENT_DEBATES="1",
        ARAGORA_ENABLE_TELEMETRY="true",
    ) as found:
        yield found


def told_by(site: Site) -> Told:
    def get(path: str) -> httpx.Response:
        return httpx.get(f"{site.server.url}{path}", timeout=30)

    answer = get("/api/health")
    return Told(
        page=re.findall('data-condition="([a-z_]+)"', get("/leaderboard/").text),
        health=answer.json()["status"],
        status=answer.status_code,
        metrics=re.findall(
            r'^aragora_condition{condition="([a-z_]+)"} 1.0', get("/metrics").text, re.M
        ),
    )


@pytest.mark.postgres
def test_debates_that_nobody_runs_are_told(tmp_path: Path, postgres_url: str) -> None:
    variables = {"ARAGORA_ENABLE_TELEMETRY": "true"}
    with workshop_on(tmp_path, postgres_url, **variables) as workshop:
        debate_id = workshop.site.start_debate()
        nobody = Told(["no_worker"], "degraded", 200, ["no_worker"])
        wait_until(lambda: told_by(workshop.site) == nobody)
        with workshop.worker():
            workshop.site.wait_for_end(debate_id)
            wait_until(lambda: told_by(workshop.site) == Told([], "healthy", 200, []))


@pytest.mark.faults
@pytest.mark.redis
def test_debates_queue_at_capacity_and_go_on_without_redis(site: Site, redis: Process) -> None:
    site.hold(MODELS)
    first, second = site.start_debate(), site.start_debate()
    site.wait_for_held(3)
    busy = Told(["at_capacity"], "healthy", 200, ["at_capacity"])
    wait_until(lambda: told_by(site) == busy)
    redis.kill()
    without = Told(["redis", "at_capacity"], "degraded", 200, ["at_capacity", "redis"])
    wait_until(lambda: sorted(told_by(site).page) == sorted(without.page))
    assert replace(told_by(site), metrics=[], page=[]) == replace(without, metrics=[], page=[])
    wait_until(lambda: sorted(told_by(site).metrics) == without.metrics)
    site.models.release()
    for debate_id in (first, second):
        assert site.wait_for_end(debate_id)["status"] == "completed"
    redis.start()
    redis.wait_for_line("eady to accept")
    wait_until(lambda: told_by(site) == Told([], "healthy", 200, []))
