"""The way out to one socket: bounded, in order, and never in the way of the others."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

import structlog

from debates.streaming.fastpath import DirectWriter
from debates.streaming.packets import Burst, Packet, PacketQueue

log = structlog.get_logger(__name__)

Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]

CLOSE_SECONDS = 30.0
"""How long a peer that does not read may take to notice that it was closed."""

TRY_AGAIN_LATER = 1013
SERVICE_RESTART = 1012
TOO_SLOW = "You read too slowly; connect again and resume where you were."


class Outlet(Protocol):
    """Where the packets of a subscription go."""

    def write(self, packet: Packet) -> None:
        """Send a packet now, or queue it behind those that wait. Never waits, never raises."""

    def write_burst(self, burst: Burst) -> None:
        """The same for packets that came together: one call of the system where it can be."""

    async def send(self, burst: Burst) -> bool:
        """Send packets when it is their turn; False when the reader is gone.

        For what may take its time: replays and answers to the client."""

    def close(self, code: int, reason: str = "") -> None:
        """End it; what is queued is dropped. Never waits."""


class SocketOutlet:
    """Sends packets to one WebSocket.

    `write` never waits: it drives the server's `send` one step, and only when that blocks (the
    peer does not read) are packets queued. When the queue is full the droppable ones go first;
    if that is not enough, the socket is closed with 1013 and its client resumes later."""

    __slots__ = (
        "_blocked",
        "_closed",
        "_closing",
        "_direct",
        "_queue",
        "_send",
        "_sending",
        "close_code",
        "unsent",
    )

    def __init__(self, send: Send, direct: DirectWriter | None) -> None:
        self._send = send
        self._direct = direct
        self._queue = PacketQueue()
        self._sending: Packet | None = None
        self.unsent: tuple[Packet, ...] = ()
        """What was dropped at the end, for good."""
        self._blocked: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._closed = False
        self.close_code: int | None = None
        """With which this side has closed it; None where it has not."""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closed

    def write(self, packet: Packet) -> None:
        if self._closed:
            return
        if self._blocked is not None:
            if not self._queue.put(packet):
                self.close(TRY_AGAIN_LATER, TOO_SLOW)
        elif self._direct is None or not self._direct.write(packet.wire):
            self._step(packet)

    def write_burst(self, burst: Burst) -> None:
        direct = None if self._closed or self._blocked is not None else self._direct
        if direct is None or not direct.write(burst.wire):
            for packet in burst.packets:
                self.write(packet)

    async def send(self, burst: Burst) -> bool:
        while self._blocked is not None and not self._closed:
            await asyncio.wait({self._blocked})
        if self._closed:
            return False
        self.write_burst(burst)
        return True

    def close(self, code: int, reason: str = "") -> None:
        if self._closed:
            return
        log.info("stream_closed", code=code)
        self.close_code = code
        self._drop()
        self._closing = asyncio.get_running_loop().create_task(self._say_goodbye(code, reason))

    def dispose(self) -> None:
        """Forget everything: the server says that the connection has ended."""
        if not self._closed:
            self._drop()
        if self._blocked is not None:
            self._blocked.cancel()

    def _drop(self) -> None:
        self._closed = True
        held = () if self._sending is None else (self._sending,)
        self.unsent = (*held, *self._queue)
        self._queue.clear()

    # --- Blocked sockets -----------------------------------------------------------------------

    def _step(self, packet: Packet) -> None:
        sending = self._send({"type": "websocket.send", "text": packet.text})
        try:
            waited_for = sending.send(None)
        except StopIteration:
            return
        except Exception:  # The peer is gone; the server tells the consumer by itself.
            self._closed = True
            return
        self._sending = packet
        self._blocked = asyncio.get_running_loop().create_task(
            self._unblock(sending, waited_for), name="stream-outlet"
        )

    async def _unblock(self, sending: Coroutine[Any, Any, None], waited_for: Any) -> None:
        try:
            await _resumed(sending, waited_for)
            while self._queue:
                packet = self._sending = self._queue.pop()
                await self._send({"type": "websocket.send", "text": packet.text})
            self._sending = None
        except Exception:
            self._closed = True
        finally:
            self._blocked = None

    async def _say_goodbye(self, code: int, reason: str) -> None:
        if self._blocked is not None:
            self._blocked.cancel()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await send_close(self._send, code, reason)
        except TimeoutError:
            if self._direct is not None:
                self._direct.abort()


async def send_close(send: Send, code: int, reason: str) -> None:
    """Close a socket, unless it has ended in the meantime.

    autobahn, and so daphne, refuses the codes below 3000: there 1012 becomes 4012."""
    for possible in (code, code + 3000):
        try:
            await send({"type": "websocket.close", "code": possible, "reason": reason})
        except Exception as error:
            log.debug("stream_close_failed", code=possible, error=type(error).__name__)
        else:
            return


@types.coroutine
def _resumed(started: Coroutine[Any, Any, None], waited_for: Any) -> Generator[Any, Any, None]:
    """Drive a coroutine to its end that was started outside of a task and waits for something."""
    try:
        while True:
            try:
                answer = yield waited_for
            except BaseException as error:
                waited_for = started.throw(error)
            else:
                waited_for = started.send(answer)
    except StopIteration:
        return
