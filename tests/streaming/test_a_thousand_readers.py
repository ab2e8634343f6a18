"""A full house: a thousand sockets, every event at each of them, and the thousand and first."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async

from debates.models import Debate
from loadtests.stream_clients import Crowd
from monitoring.capacity.machine import take_descriptors
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import StreamServer, add_events, is_event

READERS, EVENTS = 1000, 30


@pytest.fixture
def descriptors() -> None:
    """Both ends of every socket are in this process."""
    wanted, most = 2 * READERS + 500, take_descriptors()
    if most is not None and most < wanted:
        pytest.skip(f"needs {wanted} file descriptors, the limit is {most}")


@pytest.mark.usefixtures("descriptors")
async def test_every_event_reaches_all_of_them(stream: StreamServer, debate: Debate) -> None:
    received = 0
    all_there = asyncio.Event()

    def on_frame(payload: memoryview) -> None:
        nonlocal received
        received += is_event(json.loads(bytes(payload)))
        if received == READERS * EVENTS:
            all_there.set()

    crowd = Crowd(on_frame)
    path = f"/ws?debate_id={debate.pk}"
    await crowd.connect(stream.port, path, READERS)
    try:
        for _ in range(EVENTS // 10):
            await sync_to_async(add_events)(debate, 10, content="x" * 1024)
        async with asyncio.timeout(6 * PATIENCE_SECONDS):
            await all_there.wait()
        assert received == READERS * EVENTS
        assert crowd.closed == 0
        with pytest.raises(ConnectionError, match="503"):
            await crowd.connect(stream.port, path, 1)
    finally:
        crowd.close()
    await asyncio.to_thread(stream.call, lambda: stream.hub.all_left(PATIENCE_SECONDS))
    assert not stream.hub.outlets
