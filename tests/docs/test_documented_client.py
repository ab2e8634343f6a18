"""The client in docs/STREAM.md does what is said of it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.docs.test_pages import ROOT
from tests.support.processes import Process, Server, running
from tests.support.wires import Wire

PAGE = (ROOT / "docs" / "STREAM.md").read_text()


def example(language: str) -> str:
    """The one block in this language."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_python_client_gets_every_event_once_over_a_broken_connection(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "follow.py").write_text(example("python"))

    def post(path: str, **body: Any) -> Any:
        answer = httpx.post(f"{server.url}/api/v1/debates{path}", json=body, timeout=30)
        return answer.raise_for_status().json()

    async def break_and_go_on() -> tuple[str, list[str]]:
        debate_id = post("", task="Should it?", autostart=False)["debate_id"]
        async with Wire(server.port) as wire:
            address = f"ws://127.0.0.1:{wire.port}/ws"
            client = Process([sys.executable, str(tmp_path / "follow.py"), address, debate_id])
            with running(client):
                post(f"/{debate_id}/suggest", suggestion="Before.")
                await asyncio.to_thread(client.wait_for_line, "audience_suggestion")
                wire.cut()
                post(f"/{debate_id}/suggest", suggestion="Meanwhile.")
                post(f"/{debate_id}/start")
                await asyncio.to_thread(client.wait_for_line, "debate_end")
                assert await asyncio.to_thread(client.child.wait, 30) == 0
        return debate_id, client.lines

    debate_id, lines = asyncio.run(break_and_go_on())
    log = httpx.get(f"{server.url}/api/v1/debates/{debate_id}/events?limit=500").json()["events"]
    until = [event["type"] for event in log].index("debate_end")
    assert lines == [f"{event['seq']} {event['type']}" for event in log[: until + 1]]
