"""A site on PostgreSQL whose debates are run by workers, each a process of its own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.processes import Process, running
from tests.support.sites import TURNS, Site, site_on_postgres, wait_until

LEASE_SECONDS = 2
"""Short, so that a takeover can be waited for."""


class Workshop:
    """A server that runs no debates itself, and its workers."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @contextlib.contextmanager
    def worker(self, **variables: str) -> Iterator[Process]:
        """One more worker, ended with the context whatever was done to it."""
        process = Process(
            [sys.executable, "manage.py", "worker"], env={**self.site.server.env, **variables}
        )
        with running(process):
            process.wait_for_line("Working on")
            yield process

    def holder(self, *workers: Process) -> Process:
        """Which of the workers has the debate, of which there is one."""
        [(holder,)] = self.site.query("SELECT lease_holder FROM debates_debate")
        [found] = [worker for worker in workers if f":{worker.child.pid}:" in holder]
        return found

    def health(self) -> tuple[int, str]:
        """The status of `GET /api/health`, and its word."""
        answer = httpx.get(f"{self.site.server.url}/api/health", timeout=10)
        return answer.status_code, answer.json()["status"]

    def assert_paid_once(self, debate_id: str, *, repeated: int = 0) -> None:
        """Every turn is there once, and was paid once; `repeated` calls were cut off before."""
        site = self.site
        debate = site.wait_for_end(debate_id)
        assert debate["status"] == "completed", debate["failure"]
        site.assert_whole()
        assert site.turns() == TURNS
        calls = site.query("SELECT call FROM debates_usagerecord WHERE NOT estimated")
        assert len(set(calls)) == len(calls) == TURNS
        assert len(site.models.seen) == TURNS + repeated
        wait_until(lambda: site.query("SELECT COUNT(*) FROM procrastinate_jobs") == [(0,)])


@contextlib.contextmanager
def workshop_on(directory: Path, url: str, **variables: str) -> Iterator[Workshop]:
    """A workshop on a database; without workers so far."""
    settings = {
        "ARAGORA_SERVER_RUNS_DEBATES": "false",
        "ARAGORA_LEASE_SECONDS": str(LEASE_SECONDS),
        "ARAGORA_DB_POOL_TIMEOUT": "5",
        **variables,
    }
    with site_on_postgres(directory, url, **settings) as site:
        yield Workshop(site)
