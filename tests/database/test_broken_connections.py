"""A connection that broke while it lay in the pool is not lent, and a whole one is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from aragora_site.databases import databases
from aragora_site.environment import Environment
from aragora_site.pooled import PooledConnection

pytestmark = pytest.mark.postgres

CONNECTIONS = 4


@pytest.fixture
def pool(postgres_url: str) -> Iterator[ConnectionPool[Any]]:
    with ConnectionPool(
        postgres_url,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        connection_class=PooledConnection,
        check=ConnectionPool.check_connection,
        kwargs={"autocommit": True},
    ) as pool:
        pool.wait()
        yield pool


def backends(pool: ConnectionPool[Any]) -> set[int]:
    lent = [pool.getconn() for _ in range(CONNECTIONS)]
    found = {connection.info.backend_pid for connection in lent}
    for connection in lent:
        connection.execute("SELECT 1")
        pool.putconn(connection)
    return found


def test_those_that_were_closed_are_replaced(pool: ConnectionPool[Any], postgres_url: str) -> None:
    before = backends(pool)
    assert backends(pool) == before
    with psycopg.connect(postgres_url, autocommit=True) as other:
        for pid in before:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert not backends(pool) & before


def test_a_whole_one_is_lent_without_a_question(
    pool: ConnectionPool[Any], postgres_url: str
) -> None:
    last = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    with psycopg.connect(postgres_url, autocommit=True) as other:
        for pid in backends(pool):
            assert other.execute(last, [pid]).fetchone() == ("SELECT 1",)
        connection = pool.getconn()
        # An empty query would stand there as such.
        assert other.execute(last, [connection.info.backend_pid]).fetchone() == ("SELECT 1",)
        pool.putconn(connection)


def test_the_pool_of_an_instance_is_made_of_them_and_bounded() -> None:
    url = "postgresql://aragora@db/aragora?sslmode=require&connect_timeout=9"
    environment, _ = Environment.read({"DATABASE_URL": url, "ARAGORA_DB_POOL_SIZE": "3"})
    options = databases(environment)["default"]["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("require", 9)
    pool = options["pool"]
    assert pool["connection_class"] is PooledConnection
    assert (pool["min_size"], pool["max_size"], pool["max_waiting"]) == (3, 13, 13)
