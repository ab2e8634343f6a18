"""Health is told in time, and is as bad as what is broken."""

import dataclasses
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from monitoring import gauges, health, probes
from monitoring.health import DependencyStatus, HealthStatus
from tests.support.processes import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def restored_gauges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "_readers", {})


@pytest.fixture
def draining() -> Iterator[None]:
    health.begin_draining()
    yield
    health.end_draining()


@pytest.fixture
def hanging_gauge() -> Iterator[None]:
    """A figure that nobody gets before the test is over."""
    over = threading.Event()

    def hang() -> int:
        over.wait()
        return 7

    gauges.register_gauge(gauges.ACTIVE_DEBATES, hang)
    yield
    over.set()


def with_redis(settings: Any, url: str) -> None:
    settings.ARAGORA = dataclasses.replace(settings.ARAGORA, redis_url=url)


def test_everything_in_order_is_healthy(settings: Any) -> None:
    gauges.register_gauge(gauges.ACTIVE_DEBATES, lambda: 5)
    gauges.register_gauge(gauges.WEBSOCKET_CONNECTIONS, lambda: 150)

    found = health.check_health()

    assert found.status == HealthStatus.HEALTHY
    assert found.http_status == HTTPStatus.OK
    assert (found.active_debates, found.websocket_connections) == (5, 150)
    assert found.database == DependencyStatus.CONNECTED
    assert found.redis == DependencyStatus.NOT_CONFIGURED
    assert found.version == settings.ARAGORA_VERSION


def test_keys_are_those_of_the_guide_in_its_order() -> None:
    assert [field.name for field in dataclasses.fields(health.Health)] == [
        "status",
        "version",
        "uptime_seconds",
        "active_debates",
        "websocket_connections",
        "database",
        "redis",
    ]


def test_a_figure_that_hangs_is_given_up_at_the_deadline(hanging_gauge: None) -> None:
    found = health.check_health(deadline_seconds=0.2)

    assert found.active_debates is None
    assert found.status == HealthStatus.DEGRADED
    assert found.database == DependencyStatus.CONNECTED


def test_a_check_joins_the_probe_that_still_hangs(hanging_gauge: None) -> None:
    health.check_health(deadline_seconds=0.1)
    before = threading.active_count()
    for _ in range(5):
        health.check_health(deadline_seconds=0.01)
    assert threading.active_count() == before


def test_what_has_hung_too_long_is_not_waited_for_again(hanging_gauge: None) -> None:
    """With a minute's patience, these would take as many minutes as there are checks."""
    health.check_health(deadline_seconds=0.1)
    asked = next(probe for probe in health._PROBES if probe.name == gauges.ACTIVE_DEBATES)._asked
    assert asked is not None
    object.__setattr__(asked, "since", asked.since - 60)
    for _ in range(5):
        assert health.check_health(deadline_seconds=60).active_debates is None


def test_a_figure_that_fails_is_degraded() -> None:
    def fail() -> int:
        raise RuntimeError

    gauges.register_gauge(gauges.WEBSOCKET_CONNECTIONS, fail)
    found = health.check_health()
    assert (found.status, found.websocket_connections) == (HealthStatus.DEGRADED, None)


def test_redis_away_is_degraded_but_serves(settings: Any) -> None:
    with_redis(settings, f"redis://127.0.0.1:{free_port()}/0")
    found = health.check_health()
    assert found.redis == DependencyStatus.DISCONNECTED
    assert found.status == HealthStatus.DEGRADED
    assert found.http_status == HTTPStatus.OK


@pytest.mark.redis
def test_redis_that_answers_is_connected(settings: Any, redis_url: str) -> None:
    with_redis(settings, redis_url)
    found = health.check_health()
    assert (found.redis, found.status) == (DependencyStatus.CONNECTED, HealthStatus.HEALTHY)


def test_draining_is_unhealthy_and_not_ready(draining: None) -> None:
    assert health.check_health().http_status == HTTPStatus.SERVICE_UNAVAILABLE
    assert not health.is_ready()


def test_ready_while_the_database_answers() -> None:
    assert health.is_ready()


def test_checks_that_come_at_once_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH_SECONDS", 60.0)
    asked: list[None] = []

    def count() -> int:
        asked.append(None)
        return len(asked)

    gauges.register_gauge(gauges.ACTIVE_DEBATES, count)

    assert {health.check_health().active_debates for _ in range(5)} == {1}

    health.forget_answers()
    assert health.check_health().active_debates == 2
