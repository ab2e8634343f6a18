"""The first thing a socket meets: whether there is room, and whether this page may come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any, TypedDict

import structlog
from django.conf import settings

from debates import metrics
from debates.streaming.connections import (
    RETRY_AFTER_SECONDS,
    Refusal,
    connections,
    is_own_origin,
)
from debates.streaming.envelope import dumps
from debates.streaming.fastpath import DirectWriter
from debates.streaming.hub import get_hub
from debates.streaming.outlet import send_close
from ratelimit.callers import asks_of_connection
from ratelimit.identity import counted_address
from ratelimit.limiter import get_limiter

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, dict[str, Any]]]
Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

DIRECT = "aragora.direct_writer"
"""The key of the scope under which the consumer finds the `DirectWriter` of its connection."""


class Way(TypedDict):
    """How a connection came here."""

    peer: str
    forwarded_for: str


class Gate:
    """ASGI middleware around everything that serves sockets."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = address_of(scope)
        refusal = _refusal(scope, address) or await _too_often(scope)
        if refusal is not None:
            log.info("stream_refused", reason=refusal.name.lower())
            metrics.REFUSED.labels(refusal.name.lower()).inc()
            await refuse(refusal, scope, receive, send)
            return
        with connections.socket(address):
            known = {**scope, DIRECT: DirectWriter.of(send)}
            await self._application(known, receive, send)


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a request header, of all its lines; `name` in lower case."""
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return ",".join(values) if values else None


def address_of(scope: Scope) -> str:
    """The client's address as far as it can be believed; empty for this machine itself."""
    return counted_address(**_way_of(scope), trusted=settings.ARAGORA.trusted_proxies)


def _way_of(scope: Scope) -> Way:
    return Way(
        peer=(scope.get("client") or ("",))[0],
        forwarded_for=header(scope, b"x-forwarded-for") or "",
    )


def _refusal(scope: Scope, address: str) -> Refusal | None:
    if get_hub().draining:
        return Refusal.DRAINING
    own = is_own_origin(
        origin=header(scope, b"origin"),
        host=header(scope, b"host") or "",
        allowed_hosts=settings.ALLOWED_HOSTS,
        trusted_origins=settings.CSRF_TRUSTED_ORIGINS,
    )
    return connections.refusal(address) if own else Refusal.FOREIGN_ORIGIN


async def _too_often(scope: Scope) -> Refusal | None:
    asks = asks_of_connection(**_way_of(scope))
    if not asks:
        return None
    limiter = get_limiter()
    taken = limiter.take(asks) if limiter.is_alone else await asyncio.to_thread(limiter.take, asks)
    return None if taken.allowed else Refusal.TOO_OFTEN


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """503 before the upgrade where that is the reason and the server can; else a close code.

    A browser learns the code only of a connection that was accepted."""
    await receive()  # websocket.connect
    temporary = refusal in (Refusal.FULL, Refusal.DRAINING, Refusal.UNAVAILABLE)
    if temporary and "websocket.http.response" in scope.get("extensions", {}):
        body = {"error": refusal.message, "code": refusal.name.lower(), "trace_id": ""}
        headers = [
            (b"content-type", b"application/json"),
            (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
        ]
        await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": dumps(body).encode()})
        return
    await send({"type": "websocket.accept"})
    await send_close(send, refusal.close_code, refusal.message)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """There is no socket at this address."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"There is no socket here."})
    else:
        await send({"type": "websocket.close"})
