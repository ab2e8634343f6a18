"""daphne, which `runserver` uses, carries the same stream, but for what docs/STREAM.md lists."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.processes import Process, free_port, manage, running, server_environment
from tests.support.streams import Reader


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = free_port()
    directory = tmp_path_factory.mktemp("daphne")
    env = server_environment(Path(directory), ARAGORA_MAX_WEBSOCKET_CONNECTIONS="3")
    manage("prepare", env=env).check_returncode()
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{number}"]
    with running(Process(command, env=env)) as server:
        server.wait_for_line("Daphne")
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.get(f"http://127.0.0.1:{number}/livez").raise_for_status()
        yield number


@pytest.fixture
def debate_id(port: int) -> str:
    created = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/debates", json={"task": "A tram?"}, timeout=20
    )
    created.raise_for_status()
    found: str = created.json()["debate_id"]
    return found


def test_a_debate_is_streamed_and_resumed(port: int, debate_id: str) -> None:
    url = f"ws://127.0.0.1:{port}/ws?debate_id={debate_id}"
    with connect(url, proxy=None, max_queue=None) as socket:
        client = Reader(socket)
        end = client.until("debate_end")
        assert client.seqs == list(range(1, end["seq"] + 1))
    resumed = f"{url}&since_seq={end['seq'] - 2}&epoch={end['epoch']}"
    with connect(resumed, proxy=None, max_queue=None) as socket:
        again = Reader(socket)
        again.until("replay_end")
        assert again.seqs == [end["seq"] - 1, end["seq"]]


def test_the_events_are_a_stream_for_who_asks_for_one(port: int, debate_id: str) -> None:
    url = f"http://127.0.0.1:{port}/api/v1/debates/{debate_id}/events"
    with httpx.stream("GET", url, headers={"Accept": "text/event-stream"}, timeout=20) as response:
        lines = response.iter_lines()
        assert any(line == "event: debate_end" for line in lines)


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [("?token=ara_nobody", {}, 4401), ("", {"Origin": "https://evil.example"}, 4003)],
)
def test_it_says_why_it_closes(port: int, query: str, headers: dict[str, str], code: int) -> None:
    url = f"ws://127.0.0.1:{port}/ws{query}"
    with connect(url, proxy=None, additional_headers=headers) as socket:
        assert Reader(socket).until_closed() == code


def test_nonsense_is_answered_with_a_warning(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
        client = Reader(socket)
        client.send("nonsense")
        assert client.until("warning")["data"]["code"] == "unknown_type"
        client.send("ping", ts=1)
        client.until("pong")


def test_it_says_the_codes_below_3000_in_its_own_range(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
        client = Reader(socket)
        client.send("ping", ts="x" * 70_000)
        assert client.until_closed() == 4009


def test_what_has_no_room_is_closed_after_the_upgrade(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/ws"
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            Reader(stack.enter_context(connect(url, proxy=None))).until("connection_info")
        refused = Reader(stack.enter_context(connect(url, proxy=None)))
        assert refused.until_closed() == 4013
