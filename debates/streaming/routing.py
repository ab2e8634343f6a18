"""The addresses of sockets."""

from typing import cast

import structlog
from asgiref.typing import ASGI3Application
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.db import DatabaseError
from django.urls import path, re_path

from debates.streaming.connections import Refusal
from debates.streaming.consumers import stream
from debates.streaming.gate import Gate, Receive, Scope, Send, not_found, refuse

log = structlog.get_logger(__name__)

# Django's `path` is typed for views; these are ASGI applications.
websocket_urlpatterns = [
    path("ws", stream),  # type: ignore[arg-type]
    path("ws/", stream),  # type: ignore[arg-type]
    path("ws/debates/<str:reference>", stream),  # type: ignore[arg-type]
    path("ws/debates/<str:reference>/", stream),  # type: ignore[arg-type]
    re_path("", not_found),  # type: ignore[arg-type]
]
_router = URLRouter(websocket_urlpatterns)


async def _keep_identity(scope: Scope, receive: Receive, send: Send) -> None:
    """The end of Channels' middleware: it knows who the session belongs to."""
    session_key = scope["session"].session_key
    scope["kept"].update(user=scope["user"], cookies=scope["cookies"], session_key=session_key)


_authenticate = AuthMiddlewareStack(_keep_identity)


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Find out who it is, then leave the middleware: its frames and copies of the scope would
    stay in memory for as long as the socket is open."""
    kept: dict[str, object] = {}
    try:
        await _authenticate({**scope, "kept": kept}, receive, send)
    except DatabaseError as error:
        log.warning("stream_session_unreadable", error=type(error).__name__)
        await refuse(Refusal.UNAVAILABLE, scope, receive, send)
        return
    await _router({**scope, **kept}, receive, send)


application = cast(ASGI3Application, Gate(_serve))
"""Everything of type "websocket": the limits, the session, the consumers."""
