"""When every connection is in use, the next request is told so in time, in the right form."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support import processes
from tests.support.sites import wait_until

pytestmark = pytest.mark.postgres

LOCKED_READERS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def test_requests_are_answered_503_and_served_again_afterwards(
    tmp_path: Path, postgres_url: str
) -> None:
    variables = {
        "DATABASE_URL": postgres_url,
        "ARAGORA_DB_POOL_SIZE": "2",
        "ARAGORA_DB_POOL_OVERFLOW": "0",
        "ARAGORA_DB_POOL_TIMEOUT": "1",
    }
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(processes.aragora(tmp_path, **variables))
        locker = stack.enter_context(psycopg.connect(postgres_url))
        watcher = stack.enter_context(psycopg.connect(postgres_url, autocommit=True))
        locker.execute("LOCK TABLE debates_agent IN ACCESS EXCLUSIVE MODE")

        answers: list[int] = []

        def read() -> None:
            answers.append(httpx.get(f"{server.url}/api/v1/agents", timeout=30).status_code)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()

        def all_connections_wait() -> bool:
            row = watcher.execute(LOCKED_READERS).fetchone()
            return row == (2,)

        wait_until(all_connections_wait)
        api = httpx.get(f"{server.url}/api/v1/debates", timeout=10)
        assert (api.status_code, api.json()["code"]) == (503, "database_unavailable")
        assert api.headers["retry-after"] == "1"
        page = httpx.get(f"{server.url}/debates/", timeout=10)
        assert page.status_code == 503
        assert page.headers["retry-after"] == "1"
        assert "Try the page again in a moment" in page.text

        locker.rollback()
        for reader in readers:
            reader.join(30)
        assert answers == [200, 200]
        assert httpx.get(f"{server.url}/debates/").status_code == 200
