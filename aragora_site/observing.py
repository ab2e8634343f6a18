"""Requests as spans, and as lines of the log."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from monitoring import tracing
from monitoring.tracing import Kind
from ratelimit.identity import is_trusted

log = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

NO_ROUTE = "no route"
SLOW_SECONDS = 1.0


class TracingMiddleware:
    """A span around each request. Outermost, so that everything else is within it.

    It goes on with the caller's trace only for a proxy that is trusted: anybody else could give
    requests of many people one trace, or have every one of theirs sampled."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        parent = request.headers.get("traceparent", "")
        if parent and not is_trusted(
            request.META.get("REMOTE_ADDR", ""), settings.ARAGORA.trusted_proxies
        ):
            parent = ""
        method = method_of(request)
        attributes = {"http.request.method": method}
        with tracing.span(method, attributes, kind=Kind.SERVER, parent=parent) as trace:
            response = self.get_response(request)
            route = route_of(request)
            trace.rename(f"{method} {route}")
            trace.tell({"http.route": route, "http.response.status_code": response.status_code})
            if response.status_code >= 500:
                trace.fail(str(response.status_code))
        return response


class RequestLogMiddleware:
    """A line for each request (`ARAGORA_LOG_REQUESTS`), or for each that took long.

    It tells the route and not the address: what stands in an address may be a secret."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._least = {"all": 0.0, "slow": SLOW_SECONDS}[settings.ARAGORA.log_requests]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        if seconds >= self._least:
            log.info(
                "request",
                method=method_of(request),
                route=route_of(request),
                status=response.status_code,
                milliseconds=round(seconds * 1000, 1),
            )
        return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_of(request: HttpRequest) -> str:
    """Its method, where that is one; anybody may send any word."""
    method = request.method or ""
    return method if method in _METHODS else "_OTHER"


def route_of(request: HttpRequest) -> str:
    """The pattern of its address."""
    match = request.resolver_match
    return f"/{match.route}" if match is not None else NO_ROUTE
