"""A read replica answers analytics while it is there and fresh; the primary does otherwise."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.replica import Freshness
from tests.support.processes import Postgres, Server, aragora, postgres_server
from tests.support.sites import wait_until


@dataclass
class Site:
    server: Server
    primary: Postgres
    standby: Postgres

    def rate(self, agent: str) -> None:
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO debates_rating (agent, domain, elo, games, wins, losses, draws,"
                " updated_at) VALUES (%s, '', 1500, 1, 1, 0, 0, now())",
                [agent],
            )

    def leaders(self) -> set[str]:
        answer = httpx.get(f"{self.server.url}/api/v1/leaderboard", timeout=30)
        return {row["name"] for row in answer.raise_for_status().json()["rankings"]}

    def on_standby(self, statement: str) -> object:
        with psycopg.connect(self.standby.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
            return row[0] if row else None

    def told(self) -> list[str]:
        lines = [json.loads(x) for x in self.server.process.lines if x.startswith("{")]
        return [line["event"] for line in lines if line["event"].startswith("replica_")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        try:
            primary = stack.enter_context(postgres_server())
        except FileNotFoundError as missing:
            pytest.skip(f"needs {missing}")
        standby = stack.enter_context(primary.standby())
        server = stack.enter_context(
            aragora(
                tmp_path,
                DATABASE_URL=primary.url,
                ARAGORA_REPLICA_DATABASE_URL=standby.url,
                ARAGORA_REPLICA_MAX_LAG="6",  # Longer than to ask for a leaderboard.
                ARAGORA_CACHE_TTL="0",  # Every leaderboard is read.
                # Regular work would take ratings back that no match accounts for.
                ARAGORA_SERVER_RUNS_DEBATES="false",
            )
        )
        yield Site(server, primary, standby)


@pytest.mark.postgres
@pytest.mark.faults
def test_a_replica_is_read_while_it_is_fresh_and_done_without_otherwise(site: Site) -> None:
    asked = "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%%\"debates_rating\"%%'"

    def replica_is_read() -> bool:
        site.leaders()
        return bool(site.on_standby(asked.replace("%%", "%")))

    site.rate("early")
    wait_until(lambda: site.on_standby("SELECT count(*) FROM debates_rating"))
    wait_until(replica_is_read)
    assert site.told() == []

    site.on_standby("SELECT pg_wal_replay_pause()::text")
    site.rate("late")
    assert site.leaders() == {"early"}
    wait_until(lambda: site.leaders() == {"early", "late"})
    site.server.process.wait_for_line("replica_not_used")

    def used_again() -> bool:
        site.leaders()
        return site.told() == ["replica_not_used", "replica_used"]

    site.on_standby("SELECT pg_wal_replay_resume()::text")
    wait_until(used_again)

    site.standby.process.kill()
    for _ in range(3):
        assert site.leaders() == {"early", "late"}
    site.server.process.wait_for_line("it cannot be asked")
    assert site.told() == ["replica_not_used", "replica_used", "replica_not_used"]

    def health() -> str:
        answer = httpx.get(f"{site.server.url}/api/health").raise_for_status()
        return str(answer.json()["status"])

    wait_until(lambda: health() == "degraded")
    # Nobody but staff would notice.
    assert "data-condition" not in httpx.get(f"{site.server.url}/leaderboard/").text


@given(
    writes=st.lists(st.floats(0.01, 5), min_size=1, max_size=40),
    replays=st.lists(st.integers(0, 3), min_size=40, max_size=40),
)
def test_it_is_never_believed_to_be_fresher_than_it_is(
    writes: list[float], replays: list[int]
) -> None:
    """Position n is written at time `written[n]`; the state of a replica at position n is that of
    the primary until n + 1 was written."""
    freshness = Freshness()
    now, replayed = 0.0, 0
    written = [0.0]
    for pause, progress in zip(writes, replays, strict=False):
        now += pause
        written.append(now)
        freshness.primary_was_at(len(written) - 1, now)
        replayed = min(len(written) - 1, replayed + progress)
        freshness.replica_was_at(replayed)
        now += 0.001
        missing = replayed + 1 < len(written)
        true_age = now - written[replayed + 1] if missing else 0.0
        age = freshness.age(now)
        assert age is None or age >= true_age
        if not missing:
            assert age is not None
            assert age <= pause + 0.001


def test_positions_of_another_primary_mean_nothing() -> None:
    freshness = Freshness()
    freshness.primary_was_at(100, 1.0)
    freshness.replica_was_at(100)
    assert freshness.age(1.5) == pytest.approx(0.5)
    freshness.primary_was_at(50, 2.0)
    assert freshness.age(2.5) is None


def test_a_replica_that_never_caught_up_is_late() -> None:
    freshness = Freshness()
    freshness.primary_was_at(100, 1.0)
    freshness.replica_was_at(7)
    assert freshness.age(2.0) is None
    assert not freshness.is_late(5.0, 5.0)
    assert freshness.is_late(6.1, 5.0)
