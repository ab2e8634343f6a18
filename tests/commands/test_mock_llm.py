"""`manage.py mock_llm`: the mock models as demos and load tests start them."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.management import CommandError, call_command

from debates.engine.protocols import PROTOCOLS
from debates.management.commands.mock_llm import Command, server_of
from tests.support.processes import Process, aragora, running, server_environment
from tests.support.sites import TERMINAL, wait_until

QUESTION = {"model": "hume-small", "messages": [{"role": "user", "content": "Well?"}]}
AT_ONCE = ("--delay", "0", "--tokens-per-second", "0")
Mock = Callable[..., httpx2.Client]


@pytest.fixture
def mock() -> Iterator[Mock]:
    """Serves what the options describe, on a free port; a client of it."""
    with ExitStack() as stack:

        def start(*options: str) -> httpx2.Client:
            parser = Command().create_parser("manage.py", "mock_llm")
            given = vars(parser.parse_args(["--port", "0", *options]))
            server = stack.enter_context(server_of(given))
            client = httpx2.Client(base_url=server.openai_url, trust_env=False, timeout=30)
            return stack.enter_context(client)

        yield start


def hold_debate(url: str, names: list[str], protocol: str) -> dict[str, Any]:
    """The debate once it is over."""
    body = {"task": "Should the town build the tram?", "agents": names}
    with httpx2.Client(base_url=url, trust_env=False, timeout=30) as api:
        started = api.post("/api/v1/debates", json={**body, "protocol": {"name": protocol}})
        path = f"/api/v1/debates/{started.raise_for_status().json()['id']}"
        found: dict[str, Any] = wait_until(
            lambda: debate if (debate := api.get(path).json())["status"] in TERMINAL else None
        )
    return found


def test_whole_debates_run_on_it_and_it_leaves_when_told(tmp_path: Path) -> None:
    names = ["mill-large", "hume-small", "cleo-contrary"]
    command = [sys.executable, "manage.py", "mock_llm", "--port", "0", *AT_ONCE]
    env = server_environment(tmp_path)
    with running(Process([*command, "--models", ",".join(names)], env=env)) as process:
        address = process.wait_for_line("OPENAI_BASE_URL=").partition("=")[2]
        with aragora(tmp_path, OPENAI_BASE_URL=address) as server:
            ended = [hold_debate(server.url, names, protocol) for protocol in PROTOCOLS]
        process.signal(signal.SIGINT)
        process.wait_for_line("Requests: asked")
        assert process.child.wait() == 0
    for debate in ended:
        assert debate["status"] == "completed", debate
        assert debate["consensus_reached"]
        assert debate["final_answer"].startswith("Yes")


def test_it_is_only_for_this_machine_and_lists_its_models(mock: Mock) -> None:
    client = mock("--models", "one, two")
    assert client.base_url.host == "127.0.0.1"
    assert [model["id"] for model in client.get("/models").json()["data"]] == ["one", "two"]


def test_answers_come_at_the_pace_that_was_asked_for(mock: Mock) -> None:
    client = mock("--delay", "0.2", "--tokens-per-second", "400")
    began = time.monotonic()
    answer = client.post("/chat/completions", json={**QUESTION, "stream": True})
    took = time.monotonic() - began
    pieces = answer.text.count('"content"') - 1  # Before them comes an empty one.
    assert pieces > 3
    assert took >= 0.2 + (pieces - 1) * 6 / 400


def statuses(client: httpx2.Client, model: str, number: int) -> list[int]:
    body = {**QUESTION, "model": model}
    return [client.post("/chat/completions", json=body).status_code for _ in range(number)]


def test_faults_come_at_their_rates_and_again_with_the_same_seed(mock: Mock) -> None:
    rates = (*AT_ONCE, "--fault", "busy=0.2", "--fault", "error=0.1")
    one, same, other = (mock(*rates, "--seed", seed) for seed in ("7", "7", "8"))
    statuses(same, "somebody-else", 5)
    fared = statuses(one, "mill", 200)
    counts = Counter(fared)
    assert 20 <= counts[429] <= 60
    assert 8 <= counts[500] <= 40
    assert counts[200] == 200 - counts[429] - counts[500]
    assert statuses(same, "mill", 200) == fared
    assert statuses(other, "mill", 200) != fared


@pytest.mark.parametrize(
    ("kind", "error"), [("cut", httpx2.RemoteProtocolError), ("hang", httpx2.ReadTimeout)]
)
def test_streams_break_off(mock: Mock, kind: str, error: type[Exception]) -> None:
    client = mock(*AT_ONCE, "--fault", f"{kind}=1")
    with pytest.raises(error):
        client.post("/chat/completions", json={**QUESTION, "stream": True}, timeout=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fault", "cut=0.7", "--fault", "hang=0.7"), "at most 1 in all"),
        (("--fault", "fire=0.1"), "kinds: busy, error, cut, corrupt, hang"),
        (("--models", " ,"), "at least one model"),
        (("--host", "192.0.2.1"), "cannot be listened on"),
        (("--delay", "-1"), "use seconds, from 0 up"),
    ],
)
def test_what_makes_no_sense_is_refused(options: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("mock_llm", "--port", "0", *options)


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(CommandError, match="Choose another with --host or --port"):
            call_command("mock_llm", "--port", port)
