"""Whether an event loop still turns, for those who look from outside of it."""

from __future__ import annotations

import asyncio
import time

BEAT_SECONDS = 1.0
SILENT_SECONDS = 30.0
"""A loop that has not turned for so long is stuck: what it does takes a fraction of that."""


class Heartbeat:
    """Beats on the loop that `run` is awaited on; anybody may ask."""

    def __init__(self) -> None:
        self._beaten = time.monotonic()

    @property
    def is_alive(self) -> bool:
        return time.monotonic() - self._beaten < SILENT_SECONDS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beaten = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)
