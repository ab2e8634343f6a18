"""Through PgBouncer in transaction mode everything works, and its restart under load loses nothing.

So does a restart of PostgreSQL itself behind it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.followers import Crowd, assert_complete
from tests.support.processes import (
    PgBouncer,
    Postgres,
    manage,
    pgbouncer,
    postgres_server,
    server_environment,
)
from tests.support.roles import APP, OWNER, as_role
from tests.support.sites import Site, site_on_postgres, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

DEBATES, FOLLOWERS = 4, 3


@dataclass
class Pooled:
    """A server whose every statement goes through the pooler."""

    site: Site
    bouncer: PgBouncer
    database: Postgres

    def start_debates(self, crowd: Crowd) -> list[str]:
        server = self.site.server
        debates = [self.site.start_debate() for _ in range(DEBATES)]
        for debate in debates:
            crowd.follow(debate, [server], count=FOLLOWERS)
        return debates


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[Pooled]:
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(postgres_server())
            bouncer = stack.enter_context(pgbouncer(database.url))
        except FileNotFoundError as missing:
            pytest.skip(f"needs {missing}")
        site = stack.enter_context(
            site_on_postgres(
                tmp_path,
                database.url,
                DATABASE_URL=as_role(bouncer.url, APP),
                ARAGORA_DIRECT_DATABASE_URL=as_role(database.url, OWNER),
            )
        )
        yield Pooled(site, bouncer, database)


def health_of(site: Site) -> str:
    status: str = httpx.get(f"{site.server.url}/api/health", timeout=10).json()["status"]
    return status


@pytest.mark.parametrize("what", ["bouncer", "database"])
def test_debates_and_their_readers_survive_a_restart(pooled: Pooled, what: str) -> None:
    part: PgBouncer | Postgres = getattr(pooled, what)
    site = pooled.site
    site.models.options.latency = 0.05
    with Crowd() as crowd:
        before = pooled.start_debates(crowd)
        crowd.wait_until(lambda: all(one.last_seq > 3 for one in crowd.followers), what="turns")
        part.process.kill()
        assert health_of(site) == "unhealthy"
        part.start()
        wait_until(lambda: health_of(site) == "healthy")
        after = pooled.start_debates(crowd)
        crowd.wait_for_the_end()
        assert_complete(crowd.followers, site.server)
    for debate in before + after:
        ended = site.wait_for_end(debate)
        assert ended["status"] == "completed", ended["failure"]
    site.assert_whole()
    # The hub says once, with its cause, that it could not read the log.
    traced = [line for line in site.server.process.lines if "Traceback" in line]
    assert all("stream_log_unreadable" in line for line in traced), traced


def test_migrations_go_past_the_pooler(tmp_path: Path, postgres_url: str) -> None:
    try:
        with pgbouncer(postgres_url) as bouncer:
            urls = {"DATABASE_URL": bouncer.url, "ARAGORA_DIRECT_DATABASE_URL": postgres_url}
            env = server_environment(tmp_path, **urls)
            manage("migrate", "--verbosity", "0", env=env).check_returncode()
            assert bouncer.transactions() == 0
            manage("load_demo", env=env).check_returncode()
            assert bouncer.transactions() > 0
    except FileNotFoundError as missing:
        pytest.skip(f"needs {missing}")
