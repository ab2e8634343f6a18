"""Figures of a server and its workers add up, also after one of them has died (PostgreSQL)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.processes import Process, free_port
from tests.support.scraping import Scrape, scrape
from tests.support.sites import MODELS, wait_until
from tests.support.workers import workshop_on

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

TELEMETRY = {"ARAGORA_ENABLE_TELEMETRY": "true", "ARAGORA_MAX_CONCURRENT_DEBATES": "4"}


def test_sums_over_processes_are_true_when_a_worker_dies(tmp_path: Path, postgres_url: str) -> None:
    first, second = (f"http://127.0.0.1:{free_port()}" for _ in range(2))

    def port(address: str) -> dict[str, str]:
        return {"ARAGORA_WORKER_METRICS_PORT": address.rsplit(":", 1)[1]}

    with workshop_on(tmp_path, postgres_url, **TELEMETRY) as shop:
        targets = [shop.site.server.url, first, second]

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
        with shop.worker(**port(first)) as one, shop.worker(**port(second)) as other:
            assert total("aragora_debate_places") == 8, "the server runs none"
            debate_id = shop.site.start_debate()
            shop.site.wait_for_held(3)
            assert total("aragora_debates_active") == 1
            assert total("aragora_capacity_ratio") == 0.25
            dying: Process = shop.holder(one, other)
            dying.kill()
            assert len(seen()) == 2, "a dead process shows nothing"
            wait_until(lambda: total("aragora_debates_active") == 1)
            shop.site.models.script()
            shop.site.wait_for_end(debate_id)
            wait_until(lambda: total("aragora_debates_total", status="completed") == 1)
            assert total("aragora_debates_active") == 0
            assert {found.sum("aragora_queue_depth") for found in seen()} == {0}, "all say the same"
