"""Spans of sockets: one for the way in, and one for each message that asks for something. None for
the socket itself, which may be open for days."""

from __future__ import annotations

from django.conf import settings

from debates.streaming.audience import SUGGESTION, VOTE
from debates.streaming.gate import Scope, header
from monitoring import tracing
from monitoring.tracing import Kind, Trace
from ratelimit.identity import is_trusted

_ASKING = frozenset({"subscribe", "unsubscribe", "get_loops", VOTE, SUGGESTION})


def connecting(scope: Scope) -> Trace:
    """Until the client knows who it is taken for, and follows what its address names."""
    route = "/ws/debates/<ref>" if scope["url_route"]["kwargs"] else "/ws"
    parent = header(scope, b"traceparent") or ""
    if parent and not is_trusted(
        (scope.get("client") or ("",))[0], settings.ARAGORA.trusted_proxies
    ):
        parent = ""
    attributes: tracing.Attributes = {
        "http.request.method": "GET",
        "http.route": route,
        "http.response.status_code": 101,
        "network.protocol.name": "websocket",
    }
    return tracing.span(f"GET {route}", attributes, kind=Kind.SERVER, parent=parent)


def message(type: str) -> Trace:
    """Of a frame of this type; a client may send any word, and pings say nothing."""
    if type == "ping":
        return tracing.NOWHERE
    known = type if type in _ASKING else "_OTHER"
    return tracing.span(f"socket {known}", kind=Kind.SERVER)
