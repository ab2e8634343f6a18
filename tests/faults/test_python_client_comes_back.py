"""The Python client reconnects without naming its debate, and goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aragora_sdk.websocket import AragoraWebSocket, WebSocketEvent, WebSocketOptions

from debates.choices import EventType
from debates.mock_llm.server import ModelServer, Options
from tests.support.followers import start_debate
from tests.support.processes import Server, aragora
from tests.support.wires import Wire

pytestmark = pytest.mark.faults

PANEL = ["mill-large", "hume-small", "cleo-contrary"]
PATIENCE_SECONDS = 60


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[list[Server]]:
    """Two, on one database, as behind a load balancer."""
    options = Options(models=tuple(PANEL), latency=0.2, piece_length=12, piece_seconds=0.05)
    with contextlib.ExitStack() as stack:
        models = stack.enter_context(ModelServer(options))
        variables = {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
            "ARAGORA_SECRET_KEY": "the same on every instance",
            "OPENAI_BASE_URL": models.openai_url,
            "ARAGORA_DRAIN_SECONDS": "0.5",
        }
        yield [
            stack.enter_context(aragora(tmp_path / name, **variables)) for name in ("one", "two")
        ]


class Client:
    """The Python client, with all that it gets."""

    def __init__(self, url: str) -> None:
        self.events: list[WebSocketEvent] = []
        self.changed = asyncio.Event()
        self.connections = 0
        options = WebSocketOptions(reconnect_delay=0.2)
        self.socket = AragoraWebSocket(url, options=options)
        self.socket.on("message", self._take)
        self.socket.on("connected", self._count)

    def _take(self, event: WebSocketEvent) -> None:
        if event.type in EventType.values:
            self.events.append(event)
        self.changed.set()

    def _count(self, _: Any) -> None:
        self.connections += 1

    async def until(self, type: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while type not in {event.type for event in self.events}:
                self.changed.clear()
                await self.changed.wait()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_after_its_instance_is_gone(instances: list[Server], how: str) -> None:
    first, second = instances
    async with Wire(first.port) as balancer:
        debate_id = start_debate(second, agents=PANEL)
        client = Client(f"http://127.0.0.1:{balancer.port}")
        await client.socket.connect(debate_id)
        await client.until("propose")
        balancer.to = second.port
        await asyncio.to_thread(getattr(first.process, how))
        await client.until("debate_end")
        await client.socket.close()
    assert client.connections == 2
    told = [(event.type, event.data) for event in client.events]
    whole = await asyncio.to_thread(read_log, second, debate_id)
    # An instance that dies has not said lately where its sockets are: a part is told twice.
    twice = len(told) - len(whole)
    assert twice >= 0
    assert twice == 0 or how == "kill"
    assert any(told == whole[:cut] + whole[cut - twice :] for cut in range(twice, len(whole)))


def read_log(server: Server, debate_id: str) -> list[tuple[str, Any]]:
    url = f"{server.url}/api/v1/debates/{debate_id}/events"
    answer = httpx.get(url, params={"limit": 500}, timeout=10).raise_for_status()
    return [(event["type"], event["data"]) for event in answer.json()["events"]]
