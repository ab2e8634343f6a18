"""Requests that hold every database connection: the others are told to come back, nothing more is
opened, and afterwards everything is as before."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.processes import aragora
from tests.support.streams import reader

POOL, ASKING = 2, 6
PATIENCE_SECONDS = 30


@pytest.mark.postgres
def test_what_finds_no_connection_is_told_to_come_back(postgres_url: str, tmp_path: Path) -> None:
    pool = {
        "ARAGORA_DB_POOL_SIZE": str(POOL),
        "ARAGORA_DB_POOL_OVERFLOW": "0",
        "ARAGORA_DB_POOL_TIMEOUT": "1",
    }
    with (
        aragora(tmp_path, DATABASE_URL=postgres_url, **pool) as server,
        psycopg.connect(postgres_url) as outside,
        ThreadPoolExecutor(ASKING) as threads,
    ):

        def ask() -> httpx.Response:
            return httpx.get(f"{server.url}/api/v1/debates", timeout=PATIENCE_SECONDS)

        outside.execute("LOCK TABLE debates_debate IN ACCESS EXCLUSIVE MODE")
        asked = [threads.submit(ask) for _ in range(ASKING)]
        done, _ = wait(asked, PATIENCE_SECONDS, FIRST_COMPLETED)
        refused = next(iter(done)).result()
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        with reader(server, "some-debate") as client:
            assert client.until_closed() == 1013
        assert connections_to(postgres_url, outside) <= POOL
        outside.rollback()
        statuses = {asking.result().status_code for asking in asked}
        assert statuses <= {200, 503}
        assert ask().status_code == 200


def connections_to(url: str, outside: psycopg.Connection) -> int:
    """Those of the server."""
    count = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid NOT IN (pg_backend_pid(), %s)"
    )
    with psycopg.connect(url) as asking:
        row = asking.execute(count, [outside.info.backend_pid]).fetchone()
    assert row is not None
    return int(row[0])
