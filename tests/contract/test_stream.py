"""The Python client follows debates on this server as it was written."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from aragora_sdk.events import DebateEndEvent, ProposeEvent
from aragora_sdk.websocket import AragoraWebSocket, WebSocketOptions, stream_debate

from debates.choices import EventType
from tests.support.processes import Server

QUESTION = "Should a small town build a tram?"


@pytest.fixture
def debate_id(server: Server) -> str:
    created = httpx.post(f"{server.url}/api/v1/debates", json={"task": QUESTION}, timeout=10)
    created.raise_for_status()
    found: str = created.json()["debate_id"]
    return found


async def test_a_debate_is_streamed_to_its_end(server: Server, debate_id: str) -> None:
    async with asyncio.timeout(30):
        events = [event async for event in stream_debate(server.url, debate_id)]
    types = [event.type for event in events]
    assert types[-1] == "debate_end"
    assert {"debate_start", "round_start", "propose", "consensus"} <= set(types)
    assert "error" not in types
    proposal = next(event for event in events if event.type == "propose")
    assert isinstance(proposal.typed_data, ProposeEvent)
    assert proposal.typed_data.debate_id == proposal.debate_id == debate_id
    assert proposal.typed_data.content
    end = events[-1].typed_data
    assert isinstance(end, DebateEndEvent)
    assert end.result


async def test_a_debate_that_is_over_is_told_again(server: Server, debate_id: str) -> None:
    async with asyncio.timeout(30):
        first = [event async for event in stream_debate(server.url, debate_id)]
        again = [event async for event in stream_debate(server.url, debate_id)]
    told = [
        [event.data for event in run if event.type in EventType.values] for run in (first, again)
    ]
    assert told[0] == told[1]
    assert again[-1].type == "debate_end"


async def test_it_subscribes_and_unsubscribes(server: Server, debate_id: str) -> None:
    seen: list[Any] = []
    ended = asyncio.Event()
    client = AragoraWebSocket(server.url, options=WebSocketOptions(auto_reconnect=False))
    client.on("message", seen.append)
    client.on("debate_end", lambda event: ended.set())
    await client.connect()
    client.subscribe(debate_id)
    async with asyncio.timeout(30):
        await ended.wait()
    client.unsubscribe(debate_id)
    await client.close()
    assert "debate_start" in {event.type for event in seen}


async def test_an_unknown_debate_is_an_error(server: Server) -> None:
    async with asyncio.timeout(10):
        events = [event async for event in stream_debate(server.url, "no-such-debate")]
    assert events[-1].type == "error"
    assert events[-1].typed_data.code == "not_found"
    assert events[-1].typed_data.error


async def test_a_token_that_is_nobodys_disconnects(server: Server, debate_id: str) -> None:
    disconnected = asyncio.Event()
    codes: list[Any] = []
    client = AragoraWebSocket(
        server.url, api_key="ara_nobody", options=WebSocketOptions(auto_reconnect=False)
    )
    client.on("disconnected", lambda info: (codes.append(info), disconnected.set()))
    await client.connect(debate_id)
    async with asyncio.timeout(10):
        await disconnected.wait()
    await client.close()
    assert "4401" in codes[0]["reason"]
