"""Finished WebSocket frames straight onto uvicorn's transport.

This saves half of the work of a delivery, and reaches into uvicorn: `DirectWriter.of` answers None
for a server it does not know, and everything goes by ASGI's `send` instead.
"""

from __future__ import annotations

from typing import Any

try:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
except ImportError:  # Another server, or another uvicorn.
    WebSocketsSansIOProtocol = None  # type: ignore[assignment, misc]

_NEEDED = ("transport", "writable", "close_sent", "disconnected", "handshake_complete")


class DirectWriter:
    """The transport of one connection."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    @classmethod
    def of(cls, send: object) -> DirectWriter | None:
        """The writer behind an ASGI `send`, where it is uvicorn's and looks as expected."""
        protocol = getattr(send, "__self__", None)
        if WebSocketsSansIOProtocol is None or not isinstance(protocol, WebSocketsSansIOProtocol):
            return None
        if not all(hasattr(protocol, name) for name in _NEEDED):
            return None
        return cls(protocol)

    def write(self, wire: bytes) -> bool:
        """Write a frame unless that would have to wait; False when it was not written.

        What is not written has to go by `send`, which waits, or tells that the peer is gone."""
        protocol = self._protocol
        if (
            protocol.close_sent
            or protocol.disconnected
            or not protocol.handshake_complete
            or not protocol.writable.is_set()
            or protocol.transport.is_closing()
        ):
            return False
        protocol.transport.write(wire)
        return True

    def abort(self) -> None:
        """Drop the connection without waiting for a peer that does not read."""
        self._protocol.transport.abort()
