"""The instance's health, under every address that asks for it."""

from collections.abc import Iterator

import pytest

from monitoring import gauges, health
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = [
    *("status", "version", "uptime_seconds", "active_debates", "websocket_connections"),
    *("database", "redis"),
]


@pytest.fixture
def draining() -> Iterator[None]:
    health.begin_draining()
    yield
    health.end_draining()


@pytest.mark.parametrize("path", ["/api/health", "/api/v1/health", "/healthz"])
def test_the_keys_of_the_guide(anybody: Api, path: str) -> None:
    factories.make_debate(status="running")
    answer = anybody.get(path)
    assert answer.status_code == 200
    told = answer.json()
    assert list(told) == KEYS
    assert told["status"] == "healthy"
    assert (told["active_debates"], told["database"]) == (1, "connected")
    assert told["redis"] == "not configured"


@pytest.mark.parametrize("path", ["/api/health", "/api/v1/health", "/healthz"])
@pytest.mark.usefixtures("draining")
def test_an_instance_that_goes_away_is_taken_out(anybody: Api, path: str) -> None:
    answer = anybody.get(path)
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert list(answer.json()) == KEYS


def test_degraded_stays_in(anybody: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise RuntimeError

    monkeypatch.setitem(gauges._readers, gauges.ACTIVE_DEBATES, fail)
    answer = anybody.get("/api/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


def test_livez_touches_nothing(anybody: Api, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert anybody.get("/livez").json() == {"status": "alive"}


def test_readyz(anybody: Api) -> None:
    assert anybody.get("/readyz").status_code == 200


@pytest.mark.usefixtures("draining")
def test_readyz_while_draining(anybody: Api) -> None:
    answer = anybody.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "draining")


def test_nobody_needs_a_key_for_it(anybody: Api) -> None:
    answer = anybody.get("/api/health", authorization="Bearer ara_wrong")
    assert answer.status_code == 200
