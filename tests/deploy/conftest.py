"""What a real server shows."""

from __future__ import annotations

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.processes import aragora
from tests.support.scraping import scrape
from tests.support.sites import wait_until


@pytest.fixture(scope="session")
def shown_figures(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> frozenset[str]:
    """The names of all that a server shows that has run a debate, under load from one reader."""
    with aragora(
        tmp_path_factory.mktemp("shown"),
        ARAGORA_ENABLE_TELEMETRY="true",
        ARAGORA_REDIS_URL=redis_url,
    ) as server:
        made = httpx.post(f"{server.url}/api/v1/debates", json={"task": "Should it?"}, timeout=30)
        address = f"{server.url}/api/v1/debates/{made.raise_for_status().json()['debate_id']}"
        wait_until(lambda: httpx.get(address).json()["status"] == "completed")
        with connect(server.ws_url):
            return frozenset(scrape(server.url).samples)
