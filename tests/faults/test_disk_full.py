"""SQLite whose file can grow no more: said clearly, nothing lost, and it goes on afterwards."""

from __future__ import annotations

import resource
from pathlib import Path

import httpx
import pytest

from tests.support.sites import MODELS, TURNS, Site, site_on_sqlite, wait_until

pytestmark = pytest.mark.faults


def let_files_grow(site: Site, *, allowed: bool) -> None:
    """Without it, a write fails for this process as on a full disk."""
    limit = resource.RLIM_INFINITY if allowed else 1
    pid = site.server.process.child.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def health(site: Site) -> tuple[int, str, str]:
    answer = httpx.get(f"{site.server.url}/api/health", timeout=10)
    return answer.status_code, answer.json()["status"], answer.json()["database"]


def test_a_full_disk(tmp_path: Path) -> None:
    # Short leases have it looked at more often.
    with site_on_sqlite(tmp_path, ARAGORA_LEASE_SECONDS="2") as site:
        site.hold(MODELS, after=3)
        debate_id = site.start_debate()
        site.wait_for_turns(3)
        site.wait_for_held(3)
        let_files_grow(site, allowed=False)
        refused = site.post("/api/v1/debates", task="Why?")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        assert site.debate(debate_id)["status"] == "running", "it can still be read"
        wait_until(lambda: health(site) == (503, "unhealthy", "read-only"))

        let_files_grow(site, allowed=True)
        wait_until(lambda: health(site) == (200, "healthy", "connected"))
        site.models.release()
        assert site.wait_for_end(debate_id)["status"] == "completed"
        assert site.turns() == TURNS
        assert site.query("SELECT COUNT(*) FROM debates_debate") == [(1,)]
        site.assert_whole()
