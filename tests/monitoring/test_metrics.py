"""What a server tells Prometheus, read as Prometheus reads it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.support.processes import Server, aragora, manage, server_environment
from tests.support.scraping import Scrape, scrape
from tests.support.sites import wait_until

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
THE_GUIDES = (
    "aragora_debates_active",
    "aragora_debates_total",
    "aragora_websocket_connections",
    "aragora_api_request_duration_seconds_bucket",
    "aragora_agent_response_time_seconds_bucket",
)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with aragora(
        tmp_path_factory.mktemp("watched"),
        ARAGORA_ENABLE_TELEMETRY="true",
        ARAGORA_WEBSOCKET_PAYLOAD_LIMIT="1024",
    ) as server:
        yield server


def run_debate(server: Server) -> None:
    body = {"task": "Should the town build the tram?", "rounds": 1}
    made = httpx.post(f"{server.url}/api/v1/debates", json=body, timeout=30).raise_for_status()
    address = f"{server.url}/api/v1/debates/{made.json()['debate_id']}"
    wait_until(lambda: httpx.get(address).json()["status"] == "completed")


def closed(server: Server, code: str) -> float:
    return scrape(server.url).sum("aragora_websocket_closes_total", code=code)


def test_a_debate_is_counted_with_its_model_calls(watched: Server) -> None:
    before = scrape(watched.url)
    run_debate(watched)
    after = scrape(watched.url)

    def grown(name: str, **labels: str) -> float:
        return after.sum(name, **labels) - before.sum(name, **labels)

    assert set(THE_GUIDES) <= after.samples.keys()
    assert grown("aragora_debates_total", status="completed") == 1
    assert grown("aragora_debates_total") == 1
    assert grown("aragora_agent_response_time_seconds_count", outcome="ok") > 0
    assert after.sum("aragora_debates_active") == after.sum("aragora_queue_depth") == 0
    assert after.sum("aragora_debate_places") == 10
    assert set(after.values_of("aragora_memory_tier_bytes", "tier")) == {
        *("fast", "medium", "slow", "glacial")
    }
    wait_until(lambda: scrape(watched.url).sum("aragora_memory_tier_bytes") > 0)
    assert 0 < after.sum("aragora_memory_usage_ratio") < 1
    assert after.samples["aragora_dependency_up"] == {frozenset({("dependency", "database")}): 1}


def test_requests_are_told_apart_by_the_pattern_of_their_address(watched: Server) -> None:
    run_debate(watched)
    httpx.get(f"{watched.url}/no/such/page")
    httpx.request("PROPFIND", f"{watched.url}/")
    for probe in ("/livez", "/readyz", "/api/health", "/metrics"):
        httpx.get(watched.url + probe).raise_for_status()
    found = scrape(watched.url)
    name = "aragora_api_request_duration_seconds_count"

    assert found.sum(name, method="POST", route="/api/v1/debates", status="2xx") >= 1
    assert found.sum(name, method="GET", route="(none)", status="4xx") >= 1
    assert found.values_of(name, "method") == {"GET", "POST", "other"}
    routes = found.values_of(name, "route")
    assert not [route for route in routes if UUID.search(route)]
    assert not routes & {"/livez", "/readyz", "/api/health", "/metrics"}
    assert not [label for label in labels_of(found) if UUID.search(label)]


def labels_of(found: Scrape) -> set[str]:
    return {value for series in found.samples.values() for labels in series for _, value in labels}


def read_to_the_end(client: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            client.recv()


def test_sockets_are_counted_while_they_are_open_and_by_how_they_end(watched: Server) -> None:
    lost, left = closed(watched, "lost"), closed(watched, "1001")
    with connect(watched.ws_url), connect(watched.ws_url) as leaving:
        assert scrape(watched.url).sum("aragora_websocket_connections") == 2
        leaving.close(code=1001)
        wait_until(lambda: closed(watched, "1001") == left + 1)
    with connect(watched.ws_url) as gone:
        gone.recv()
        gone.socket.shutdown(2)  # No close frame: the network has failed.
        wait_until(lambda: closed(watched, "lost") == lost + 1)
    wait_until(lambda: scrape(watched.url).sum("aragora_websocket_connections") == 0)


def test_a_socket_that_the_server_closes_has_the_servers_code(watched: Server) -> None:
    before = closed(watched, "1009")
    with connect(watched.ws_url) as client:
        client.send("x" * 2000)
        read_to_the_end(client)
    wait_until(lambda: closed(watched, "1009") == before + 1)


def test_a_page_that_may_not_come_in_is_a_refusal(watched: Server) -> None:
    with connect(watched.ws_url, origin=Origin("https://elsewhere.example")) as client:
        read_to_the_end(client)
    refused = scrape(watched.url).sum("aragora_websocket_refusals_total", reason="foreign_origin")
    assert refused == 1


def test_without_telemetry_there_is_nothing_to_read(server: Server) -> None:
    assert httpx.get(f"{server.url}/metrics").status_code == 404


def test_a_worker_that_cannot_show_its_metrics_says_what_to_do(
    watched: Server, tmp_path: Path, postgres_url: str
) -> None:
    variables = {
        "DATABASE_URL": postgres_url,
        "ARAGORA_ENABLE_TELEMETRY": "true",
        "ARAGORA_WORKER_METRICS_PORT": str(watched.port),
    }
    env = server_environment(tmp_path, **variables)
    assert manage("prepare", env=env).returncode == 0
    refused = manage("worker", env=env)
    assert refused.returncode == 1
    assert f"port {watched.port}" in refused.stderr
    assert "--metrics-port" in refused.stderr
