"""This process's ear at the channel layer, and the proof that it hears.

A connection to Redis can look well and be deaf: its peer has vanished without a word, or its
client lost the subscription while it reconnected. So the listener sends itself a word every few
seconds, and when it does not come back, everything about the layer is begun anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from debates.streaming.outage import Outage

log = structlog.get_logger(__name__)

ECHO_TYPE = "stream.echo"
ECHO_SECONDS = 5.0
"""How often the way through the layer is tried."""
RETRY_SECONDS = 1.0
"""The same during an outage."""
LAYER_SECONDS = 2.0
"""How long the channel layer may take for anything."""


class Deaf(Exception):
    """What was sent did not come back."""


class Listener:
    """Receives on a channel of its own, for as long as `run` runs. Belongs to one event loop."""

    def __init__(
        self,
        layer: Any,
        *,
        outage: Outage,
        on_message: Callable[[Mapping[str, Any]], None],
        on_channel: Callable[[], Awaitable[None]],
    ) -> None:
        """`on_channel` is called when there is a new `channel`, which is in no group yet."""
        self.channel = ""
        """Empty while the layer cannot be reached."""
        self.tried = asyncio.Event()
        """Set once the layer has answered or failed."""
        self._layer = layer
        self._outage = outage
        self._on_message = on_message
        self._on_channel = on_channel
        self._echoed = asyncio.Event()
        self._proved = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # Whatever the layer's client raises; the log goes on.
                self.channel = ""
                self._outage.begin(error)
                self.tried.set()
                await self._flush()
                await asyncio.sleep(RETRY_SECONDS)

    async def join(self, group: str) -> bool:
        """Hear what is sent to a group; False when that did not work out. During an outage it is
        not even tried: whoever waits for it would wait in vain."""
        if not self.channel or self._outage.lasts:
            return False
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.group_add(group, self.channel)
        except Exception as error:  # Whatever the layer's client raises; the log goes on.
            self._outage.begin(error)
            return False
        return True

    async def leave(self, group: str) -> None:
        """Hear no more of a group."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.group_discard(group, self.channel)

    async def _listen(self) -> None:
        async with asyncio.timeout(LAYER_SECONDS):
            self.channel = await self._layer.new_channel("stream.")
        self.tried.set()
        receiving = asyncio.create_task(self._receive(self.channel), name="stream-receive")
        try:
            await self._echo()
            await self._on_channel()
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=RETRY_SECONDS)
                if self._outage.lasts or time.monotonic() - self._proved >= ECHO_SECONDS:
                    await self._echo()
            receiving.result()
        finally:
            # On being cancelled, the layer says goodbye to Redis, which may not answer.
            receiving.cancel()
            with contextlib.suppress(Exception):
                await asyncio.wait({receiving}, timeout=LAYER_SECONDS)

    async def _receive(self, channel: str) -> None:
        while True:
            message = await self._layer.receive(channel)
            if message["type"] == ECHO_TYPE:
                self._echoed.set()
                continue
            try:
                self._on_message(message)
            except Exception as error:  # From an instance of another version, perhaps.
                log.warning("stream_message_unreadable", error=type(error).__name__)

    async def _echo(self) -> None:
        """Raises when the layer does not give back what it was given."""
        self._echoed.clear()
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.send(self.channel, {"type": ECHO_TYPE})
                await self._echoed.wait()
        except TimeoutError:
            raise Deaf from None
        self._proved = time.monotonic()
        self._outage.end()

    async def _flush(self) -> None:
        """Have the layer forget its connections, so that the next try begins with new ones."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.flush()
