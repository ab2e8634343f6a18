"""Figures of a server and its worker add up, also after the worker has died (PostgreSQL)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.processes import free_port
from tests.support.scraping import Scrape, scrape
from tests.support.sites import MODELS, wait_until
from tests.support.workers import workshop_on

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

SETTINGS = {
    "ARAGORA_ENABLE_TELEMETRY": "true",
    "ARAGORA_MAX_CONCURRENT_DEBATES": "4",
    # The server gives way to the worker while that is alive.
    "ARAGORA_SERVER_RUNS_DEBATES": "auto",
}


def test_sums_over_processes_are_true_when_one_dies(tmp_path: Path, postgres_url: str) -> None:
    port = free_port()
    with workshop_on(tmp_path, postgres_url, **SETTINGS) as shop:
        targets = [shop.site.server.url, f"http://127.0.0.1:{port}"]

        def seen() -> list[Scrape]:
            """Of every target that is up."""
            found = []
            for target in targets:
                try:
                    found.append(scrape(target))
                except httpx.ConnectError:
                    continue
            return found

        def total(name: str, **labels: str) -> float:
            return sum(one.sum(name, **labels) for one in seen())

        shop.site.hold(MODELS)
        with shop.worker(ARAGORA_WORKER_METRICS_PORT=str(port)) as worker:
            wait_until(lambda: scrape(targets[0]).sum("aragora_debate_places") == 0)
            assert httpx.get(f"{targets[1]}/livez").status_code == 200
            debate_id = shop.site.start_debate()
            shop.site.wait_for_held(3)
            assert scrape(targets[1]).sum("aragora_debates_active") == 1
            assert (total("aragora_debates_active"), total("aragora_debate_places")) == (1, 4)
            assert total("aragora_capacity_ratio") == 0.25
            worker.kill()
            assert len(seen()) == 1, "a dead process shows nothing"
            wait_until(lambda: total("aragora_debates_active") == 1)
            assert total("aragora_debate_places") == 4
            shop.site.models.script()
            shop.site.wait_for_end(debate_id)
            wait_until(lambda: total("aragora_debates_total", status="completed") == 1)
            assert total("aragora_debates_active") == total("aragora_queue_depth") == 0
