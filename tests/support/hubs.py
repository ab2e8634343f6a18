"""Hubs without a server, for tests of what happens between processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from debates.choices import EventType
from debates.streaming.client_frames import Since
from debates.streaming.hub import Hub
from debates.streaming.packets import Burst, Packet
from debates.streaming.subscription import Subscription
from tests.support.asgi import PATIENCE_SECONDS


class Ear:
    """An outlet that keeps what it hears, and a subscription of one debate."""

    def __init__(self, hub: Hub, debate_id: UUID, since: Since = Since()) -> None:  # noqa: B008
        self.frames: list[dict[str, Any]] = []
        self._heard = asyncio.Event()
        self.subscription = Subscription(
            hub=hub,
            outlet=self,
            debate_id=debate_id,
            may_read=self._may_read,
            ended=lambda _: None,
        )
        self.subscription.start(since)

    async def _may_read(self, debate_id: UUID) -> bool:
        return True

    def write(self, packet: Packet) -> None:
        self.frames.append(json.loads(packet.text))
        self._heard.set()

    def write_burst(self, burst: Burst) -> None:
        for packet in burst.packets:
            self.write(packet)

    async def send(self, burst: Burst) -> bool:
        self.write_burst(burst)
        await asyncio.sleep(0)
        return True

    def close(self, code: int, reason: str = "") -> None:
        raise AssertionError(f"closed with {code}")

    def leave(self) -> None:
        self.subscription.stop()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until what was heard satisfies `done`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not done():
                self._heard.clear()
                await self._heard.wait()

    async def until_type(self, type: str) -> None:
        await self.until(lambda: any(frame["type"] == type for frame in self.frames))

    async def until_seq(self, seq: int) -> list[int]:
        await self.until(lambda: seq in self.seqs)
        return self.seqs

    @property
    def seqs(self) -> list[int]:
        """The numbers of all events, as they came."""
        return [frame["seq"] for frame in self.frames if frame["type"] in EventType.values]
