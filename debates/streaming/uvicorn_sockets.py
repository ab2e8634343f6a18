"""uvicorn's side of a socket, which in the end drops a peer that does not take its last words."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PROTOCOL = "debates.streaming.uvicorn_sockets:SocketProtocol"
"""As uvicorn's `ws`."""
LAST_WORDS_SECONDS = 10.0
"""How long what was written may take to leave, once the connection is over."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Closing a transport waits until everything is written. A peer that is alive and never reads
    would hold its place, and a file descriptor, for good."""

    _dropping: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._dropping is not None:
            self._dropping.cancel()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._drop_later()

    def on_task_complete(self, task: asyncio.Task[Any]) -> None:
        super().on_task_complete(task)
        self._drop_later()

    def _drop_later(self) -> None:
        if self._dropping is None and not self.disconnected:
            self._dropping = self.loop.call_later(LAST_WORDS_SECONDS, self.transport.abort)
