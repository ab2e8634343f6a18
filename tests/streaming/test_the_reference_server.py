"""What only the real `serve` can show: its own limits, its pings, and how it goes away."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.asgi import PATIENCE_SECONDS
from tests.support.processes import Server, aragora
from tests.support.sites import wait_until
from tests.support.streams import Reader, StalledReader, reader

ROOM = 3


@contextlib.contextmanager
def serving(directory: Path, **variables: str) -> Iterator[Server]:
    limits = {"ARAGORA_MAX_WEBSOCKET_CONNECTIONS": str(ROOM)}
    with aragora(directory, **limits, **variables) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It pings every second and waits a second for the answer, which is the least that it takes."""
    pings = {"ARAGORA_WEBSOCKET_PING_INTERVAL": "1", "ARAGORA_WEBSOCKET_PING_TIMEOUT": "1"}
    with serving(tmp_path_factory.mktemp("server"), **pings) as running:
        yield running


def assert_answers(client: Reader) -> None:
    client.send("ping")
    client.until("pong")


def test_who_does_not_answer_a_ping_is_closed_and_who_does_stays(server: Server) -> None:
    with reader(server) as alive:
        silent = StalledReader(server, answers=False)
        _, code = silent.read_to_the_end()
        assert (silent.pings, code) == (1, 1011)
        assert_answers(alive)


def test_every_reader_hears_that_the_connection_lives(server: Server) -> None:
    with reader(server) as client:
        heartbeat = client.until("heartbeat")
    assert heartbeat["data"] == {"interval_seconds": 1.0}
    assert "seq" not in heartbeat


def test_a_message_over_64_kib_closes_with_1009_and_costs_nobody_else_anything(
    server: Server,
) -> None:
    with reader(server) as other, reader(server) as client:
        client.send("ping", ts="x" * (63 * 1024))
        client.until("pong")
        client.send("ping", ts="x" * (64 * 1024))
        assert client.until_closed() == 1009
        assert_answers(other)


def test_health_is_told_also_when_there_is_no_room(tmp_path: Path) -> None:
    """On a server of its own: who has just left the other one may still have a place there."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path))
        for _ in range(ROOM):
            assert_answers(stack.enter_context(reader(server)))
        assert_refused(server, "full")
        # An answer is kept for a moment.
        wait_until(lambda: told(server) == (200, ROOM))


def told(server: Server) -> tuple[int, int]:
    health = httpx.get(f"{server.url}/api/health", timeout=PATIENCE_SECONDS)
    return health.status_code, health.json()["websocket_connections"]


def test_a_server_that_leaves_says_so_before_it_sends_its_readers_away(tmp_path: Path) -> None:
    """Over minutes here, so that everything is seen; a second signal ends it."""
    with (
        serving(tmp_path, ARAGORA_DRAIN_SECONDS="300") as server,
        reader(server) as one,
        reader(server) as two,
    ):
        assert_answers(one)
        assert_answers(two)
        server.process.signal(server.process.stop_signal)
        server.process.wait_for_line("stream_draining")
        health = httpx.get(f"{server.url}/api/health", timeout=PATIENCE_SECONDS)
        assert health.status_code == 503
        assert httpx.get(f"{server.url}/livez", timeout=PATIENCE_SECONDS).status_code == 200
        assert_refused(server, "draining")
        server.process.wait_for_line("stream_closed")
        stays = one if one.is_open else two
        assert_answers(stays)
        gone = two if stays is one else one
        assert gone.until_closed() == 1012
        assert server.process.stop() == 0
        assert stays.until_closed() == 1012


def assert_refused(server: Server, code: str) -> None:
    """With 503, before the upgrade."""
    with pytest.raises(InvalidStatus) as refused:
        connect(server.ws_url, proxy=None)
    response = refused.value.response
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert json.loads(response.body or b"")["code"] == code
