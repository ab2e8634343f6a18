"""A thousand readers in one process: raw sockets that count what they get, and do little else."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import time
from collections.abc import Callable
from typing import cast

CONNECT_AT_ONCE = 50
MARK = b'"t":"'
"""Before the moment of sending, nanoseconds of the monotonic clock in 20 digits."""
DIGITS = 20
CONTROL, PING, PONG, MASKED = 0x08, 0x89, 0x8A, 0x80
"""RFC 6455 §5: the bit of the opcode that control frames have, two of them whole, and the mask."""


class Crowd:
    """Readers that count whole frames; `on_frame` is called for each with its payload."""

    def __init__(self, on_frame: Callable[[memoryview], None]) -> None:
        self.on_frame = on_frame
        self.frames = 0
        self.closed = 0
        self._transports: list[asyncio.Transport] = []

    async def connect(self, port: int, path: str, count: int) -> None:
        """Open `count` sockets, a few at a time."""
        loop = asyncio.get_running_loop()
        for start in range(0, count, CONNECT_AT_ONCE):
            members = [Member(self) for _ in range(min(CONNECT_AT_ONCE, count - start))]
            for member in members:
                transport, _ = await loop.create_connection(lambda m=member: m, "127.0.0.1", port)
                transport.write(_handshake(path))
                self._transports.append(transport)
            await asyncio.gather(*(member.open for member in members))

    def close(self) -> None:
        for transport in self._transports:
            transport.abort()


class Member(asyncio.Protocol):
    """One reader: cuts what it gets into frames."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._pending = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._pending + data if self._pending else data
        if not self.open.done():
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self._pending = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(ConnectionError(head.decode()))
                return
            self.open.set_result(None)
        view, at, end = memoryview(data), 0, len(data)
        while end - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                if end - at < 4:
                    break
                (length,), start = struct.unpack_from("!H", data, at + 2), at + 4
            elif length == 127:
                if end - at < 10:
                    break
                (length,), start = struct.unpack_from("!Q", data, at + 2), at + 10
            if end < start + length:
                break
            if data[at] & CONTROL:
                self._attend(data[at], data[start : start + length])
            else:
                self._crowd.on_frame(view[start : start + length])
            at = start + length
        self._pending = data[at:]

    def _attend(self, first: int, payload: bytes) -> None:
        """A control frame: a ping is answered, masked with noughts; after a close comes the end."""
        if first == PING:
            self._transport.write(bytes((PONG, MASKED | len(payload), 0, 0, 0, 0)) + payload)

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.closed += 1
        if not self.open.done():
            self.open.set_exception(ConnectionError("closed"))


def _handshake(path: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def now_mark() -> str:
    """The moment, as it stands after `MARK`."""
    return str(time.monotonic_ns()).zfill(DIGITS)


def milliseconds_since(payload: memoryview) -> float | None:
    """How old a frame is; None for one without a mark."""
    raw = bytes(payload)
    at = raw.find(MARK)
    if at < 0:
        return None
    sent = int(raw[at + len(MARK) : at + len(MARK) + DIGITS])
    return (time.monotonic_ns() - sent) / 1e6
