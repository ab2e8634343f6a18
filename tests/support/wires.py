"""A TCP proxy on loopback whose connections can fall silent or be cut, as networks do."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Wire:
    """Forwards connections to `to`, a port, which may change. An asynchronous context manager."""

    def __init__(self, to: int) -> None:
        self.to = to
        self._flowing: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.silence()
        self.cut()

    def silence(self) -> None:
        """Carry nothing more over the connections there are, and tell nobody. New ones work."""
        for task in self._flowing:
            task.cancel()
        self._flowing.clear()

    def cut(self) -> None:
        """Break the connections there are."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers += [writer, there_writer]
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            self._flowing.add(asyncio.create_task(self._flow(source, sink)))

    async def _flow(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
            sink.close()
