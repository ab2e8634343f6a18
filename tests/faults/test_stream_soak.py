"""A thousand readers of one instance: all get everything, one more is refused, nothing stays."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from debates.mock_llm.answers import debate_answer
from debates.mock_llm.server import Behaviour, Fault, ModelServer, Options
from debates.mock_llm.wire import Answer, ModelRequest
from monitoring.capacity.machine import take_descriptors
from tests.support.followers import Crowd, assert_complete, start_debate
from tests.support.processes import Server, aragora

pytestmark = [pytest.mark.faults, pytest.mark.alone]

READERS = 1000
"""What an instance holds unless told otherwise."""
DEBATES = 5
PANEL = ["mill-large", "hume-small", "cleo-contrary"]

VISITORS, ROUNDS, WARM_UP = 200, 8, 4
GROWTH_BYTES = 4 << 20
"""Of eight hundred visits after the warm-up, each of which held some 20 KB: a quarter of that would
be a leak, and less is how the allocator moves."""


@pytest.fixture(autouse=True)
def enough_descriptors() -> None:
    """For the sockets of this process; the server takes its own."""
    take_descriptors()


def answer_by_the_question(request: ModelRequest) -> Answer:
    """What each debate says is its own."""
    answer = debate_answer(request)
    town = re.search(r"town number \d+", str(request.messages))
    if isinstance(answer, str) and town is not None:
        return answer.replace("REASONING:", f"REASONING: In {town[0]} it is so.")
    return answer


@pytest.fixture
def models() -> Iterator[ModelServer]:
    options = Options(
        models=tuple(PANEL),
        latency=0.5,
        piece_length=40,
        piece_seconds=0.25,
        answer=answer_by_the_question,
    )
    with ModelServer(options) as server:
        yield server


@pytest.fixture
def instance(models: ModelServer, data_dir: Path) -> Iterator[Server]:
    with aragora(data_dir, OPENAI_BASE_URL=models.openai_url, ARAGORA_DRAIN_SECONDS="1") as server:
        yield server


def open_sockets(instance: Server) -> int:
    health = httpx.get(f"{instance.url}/api/health", timeout=10).raise_for_status().json()
    sockets: int = health["websocket_connections"]
    return sockets


def test_a_thousand_readers_of_debates_at_once_get_everything(
    instance: Server, models: ModelServer
) -> None:
    """Of their own debate, and not a word of another's, while these are spoken side by side."""
    models.script(*[Behaviour(fault=Fault.HOLD)] * (DEBATES * len(PANEL)))
    with Crowd() as crowd:
        for number in range(DEBATES):
            debate = start_debate(
                instance, f"Should town number {number} build the tram?", agents=PANEL
            )
            crowd.follow(debate, [instance], count=READERS // DEBATES)
        crowd.wait_until(lambda: all(one.connected_to for one in crowd.followers), what="readers")
        crowd.wait_until(lambda: models.held == DEBATES * len(PANEL), what="answers to be held")
        assert open_sockets(instance) == READERS
        with pytest.raises(InvalidStatus, match="503"):
            connect(instance.ws_url, proxy=None)
        models.release()
        crowd.wait_for_the_end()
        assert_complete(crowd.followers, instance)
        assert all(one.heard and not one.closed for one in crowd.followers)
    until_nobody_is_there(instance)


def test_readers_that_come_and_go_leave_nothing_behind(instance: Server) -> None:
    """Each follows a debate that is over, so that it is replayed and then let go of."""
    debate = start_debate(instance, agents=PANEL)
    with Crowd() as crowd:
        crowd.follow(debate, [instance], count=1)
        crowd.wait_for_the_end()
    process = Path(f"/proc/{instance.process.child.pid}")
    memory: list[int] = []
    descriptors: list[int] = []
    for _ in range(ROUNDS):
        with Crowd() as crowd:
            crowd.follow(debate, [instance], count=VISITORS)
            crowd.wait_for_the_end()
        until_nobody_is_there(instance)
        memory.append(int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        descriptors.append(len(list((process / "fd").iterdir())))
    assert memory[-1] - memory[WARM_UP - 1] < GROWTH_BYTES, memory
    assert descriptors[-1] <= descriptors[WARM_UP - 1] + 5, descriptors


def until_nobody_is_there(instance: Server) -> None:
    """The server hears of a closed socket a moment after its client."""
    waiting = threading.Event()
    for _ in range(100):
        if open_sockets(instance) == 0:
            return
        waiting.wait(0.1)
    raise AssertionError("sockets stayed open")
