"""What goes to the other processes, by the channel layer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer

from debates.streaming.envelope import Frame
from debates.streaming.open_turns import OpenTurns
from debates.streaming.outage import Outage, quieten

MESSAGE_TYPE = "stream.frames"
REMINDER_TYPE = "stream.reminder"
"""The text so far of the turns that are being spoken, for those who were not there before."""
MAX_WAITING_FRAMES = 10_000
"""While the channel layer is down. What is dropped is in the log all the same, but for tokens."""
PROBE_SECONDS = 1.0
REMINDER_SECONDS = 1.0
NOBODY = "nobody"
"""In place of a debate's id."""
SEND_SECONDS = 2.0
"""How long the channel layer may take for a message: while it hangs, all that follow wait."""


def group_name(debate_id: str) -> str:
    """The channel-layer group that carries a debate's frames."""
    return f"debate.{debate_id}"


def shared_layer() -> Any | None:
    """The channel layer, where it reaches other processes; None for the in-memory one."""
    layer: BaseChannelLayer | None = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


class Outbox:
    """Sends frames to the channel layer in order, a message for each debate and burst.

    A layer that fails loses the burst: the log is the truth, the other processes notice the gap."""

    def __init__(self, layer: Any, *, origin: str, outage: Outage | None = None) -> None:
        """`outage`: that of a listener, who knows better than this when it is over."""
        self._outage = outage or Outage()
        self._alone = outage is None
        self._layer = layer
        self._origin = origin
        self._waiting: deque[tuple[str, Frame]] = deque(maxlen=MAX_WAITING_FRAMES)
        """Message type and frame, in the order in which they are to leave."""
        self._spoken = OpenTurns()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        quieten(self._outage)
        self._task = asyncio.create_task(self._run(), name="stream-outbox")
        self._reminding = asyncio.create_task(self._remind(), name="stream-reminder")

    def put(self, frames: Sequence[Frame]) -> None:
        """Send these soon. To be called on the loop."""
        for frame in frames:
            self._spoken.observe(frame)
        self._enqueue(MESSAGE_TYPE, frames)

    async def stop(self, *, within_seconds: float = 1.0) -> None:
        """Send what is waiting, within that time, and end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), within_seconds)
        self._task.cancel()
        self._reminding.cancel()
        await asyncio.gather(self._task, self._reminding, return_exceptions=True)

    def _enqueue(self, type: str, frames: Sequence[Frame]) -> None:
        self._waiting.extend((type, frame) for frame in frames)
        self._idle.clear()
        self._filled.set()

    async def _remind(self) -> None:
        """Tell again what has been said so far, in the same queue: it fits what comes after."""
        while True:
            await asyncio.sleep(REMINDER_SECONDS)
            for debate_id in self._spoken.debates:
                if frames := self._spoken.so_far(debate_id):
                    self._enqueue(REMINDER_TYPE, frames)

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            frames = list(self._waiting)
            self._waiting.clear()
            with contextlib.suppress(TimeoutError):  # The rest of the burst is old by now.
                for (type, debate_id), part in groupby(frames, key=_addressed):
                    await self._send(type, debate_id, [frame.body() for _, frame in part])
            if not self._waiting:
                self._idle.set()

    async def _send(self, type: str, debate_id: str, bodies: list[str]) -> None:
        """Never raises but `TimeoutError`."""
        message = {"type": type, "origin": self._origin, "frames": bodies}
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._layer.group_send(group_name(debate_id), message)
        except TimeoutError as error:
            self._outage.begin(error)
            raise
        except Exception as error:  # Whatever the layer's client raises: the stream goes on.
            self._outage.begin(error)
        else:
            if self._alone:
                self._outage.end()


def _addressed(waiting: tuple[str, Frame]) -> tuple[str, str]:
    return waiting[0], waiting[1].debate_id
