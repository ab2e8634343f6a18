"""The database goes away under a running server: it says so in time, and keeps its form."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest

from tests.support import processes
from tests.support.sites import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

PATIENCE_SECONDS = 10
"""Far above the two seconds of a health check, far below what a hanging database would take."""


@pytest.fixture
def database() -> Iterator[contextlib.ExitStack]:
    """A PostgreSQL of this test's own, as a stack that ends it when closed."""
    with contextlib.ExitStack() as stack:
        yield stack


def test_health_is_told_in_time_and_requests_are_a_503(
    database: contextlib.ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = database.enter_context(processes.postgres())
    with processes.aragora(
        tmp_path_factory.mktemp("server"), DATABASE_URL=url, ARAGORA_DB_POOL_TIMEOUT="1"
    ) as server:
        assert httpx.get(f"{server.url}/api/health").json()["status"] == "healthy"

        database.close()

        wait_until(
            lambda: (
                httpx.get(f"{server.url}/api/health", timeout=PATIENCE_SECONDS).status_code == 503
            )
        )
        for _ in range(3):
            health = httpx.get(f"{server.url}/api/health", timeout=PATIENCE_SECONDS)
            assert health.status_code == 503
            assert health.json()["status"] == "unhealthy"
            assert health.json()["database"] == "disconnected"
        assert httpx.get(f"{server.url}/livez", timeout=PATIENCE_SECONDS).status_code == 200
        assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE_SECONDS).status_code == 503

        answer = httpx.get(f"{server.url}/api/v1/debates", timeout=PATIENCE_SECONDS)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"] == "1"
        created = httpx.post(
            f"{server.url}/api/v1/debates", json={"task": "Why?"}, timeout=PATIENCE_SECONDS
        )
        assert created.status_code == 503
