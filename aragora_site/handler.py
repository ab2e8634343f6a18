"""Requests in one hop: the whole synchronous chain runs on one of a fixed number of threads.

Django's own ASGI handler makes a thread for each request and hops between it and the event loop
for every middleware. Here a request waits, at most once, for a thread of the pool; the pool bounds
the database connections, the queue before it is bounded, and beyond it the answer is 503. Views
that are coroutine functions (event streams) go to Django's own handler.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from typing import IO, Any, cast

import structlog
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver, set_script_prefix
from django.urls.resolvers import RoutePattern

from aragora_site.addresses import view_at
from aragora_site.threads import Job, Threads, database_line
from debates.streaming.envelope import dumps
from debates.streaming.sse import asks_for_stream, stream_scope
from monitoring.metrics import NO_ROUTE, observe_request
from ratelimit.policy import PROBES

log = structlog.get_logger(__name__)
request_log = logging.getLogger("django.request")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Coroutine[Any, Any, None]]
Headers = list[tuple[bytes, bytes]]

IN_MEMORY_BYTES = 256 * 1024
"""A longer request body goes to a temporary file while it arrives."""
BODY_SECONDS = 60.0
"""How long a request's body may take to arrive."""
DISCARDED_BYTES = 8_000_000
"""How much of a body over the limit is read on, so that its sender sees the answer."""
_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
RETRY_SECONDS = 1
PATIENCE_SECONDS = 0.05
"""How long a request queues before anybody looks whether its client is still there."""
CHUNK_SECONDS = 60.0
"""How long a reader of a download may take for one piece of it."""


class Disconnected(Exception):
    """The client has gone; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that is finished, and whose resources are closed."""

    status: int
    headers: Headers
    content: bytes


class OneHopHandler:
    """The ASGI application for HTTP. `close` ends its threads."""

    def __init__(self, *, threads: int, queue: int) -> None:
        """`threads` answer requests; `queue` requests may wait for one."""
        self._chain = SyncChain()
        self._pool = Threads(threads, name="web", line=database_line())
        self._probes = Threads(1, name="probe")
        self._threads = threads
        self._room = threads + queue
        self.busy = 0
        """Requests that are being answered or wait for a thread."""

    def close(self) -> None:
        """End the threads, once they are idle. Requests must not come any more."""
        self._pool.close()
        self._probes.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if asks_for_stream(scope):
            scope = stream_scope(scope)
        if self._is_async(scope):
            await self._django(cast(Any, scope), receive, cast(Any, send))
        elif scope["path"] in PROBES:  # An instance that is busy is not a broken one.
            await self._serve(self._probes, scope, receive, send)
        elif self._is_full:
            await self._refuse(scope, send)
        else:
            await self._serve(self._pool, scope, receive, send)

    @property
    def _is_full(self) -> bool:
        return self.busy >= self._room

    async def _refuse(self, scope: Scope, send: Send) -> None:
        log.warning("request_refused", busy=self.busy)
        answer = _overloaded()
        observe_request(method=scope["method"], route=NO_ROUTE, status=answer.status, seconds=0)
        await _send_answer(answer, send)

    async def _serve(self, pool: Threads, scope: Scope, receive: Receive, send: Send) -> None:
        """A request takes room once it is here in full: one whose body never comes takes none."""
        try:
            body, scope = await _read_in_time(scope, receive)
        except Disconnected:
            return
        except TimeoutError:
            await _send_answer(_too_slow(), send)
            return
        counted = pool is self._pool
        if counted and self._is_full:
            body.close()
            await self._refuse(scope, send)
            return
        self.busy += counted
        try:
            await self._respond(pool, scope, body, receive, send)
        finally:
            self.busy -= counted

    async def _respond(
        self, pool: Threads, scope: Scope, body: IO[bytes], receive: Receive, send: Send
    ) -> None:
        context = contextvars.copy_context()
        stream = _Stream(asyncio.get_running_loop(), receive, send)
        # Those who look how this instance is are not its traffic.
        since = time.perf_counter() if pool is self._pool else None
        respond = partial(context.run, self._chain.respond, scope, body, stream, since)
        job = pool.submit(respond)
        try:
            answer = await self._wait(job, receive)
        except Disconnected:
            body.close()
            return
        if answer is not None:
            await _send_answer(answer, send)

    async def _wait(self, job: Job[Answer | None], receive: Receive) -> Answer | None:
        """The job's answer. Raises `Disconnected` for one that queued, and whose client has gone
        before its turn came."""
        if self.busy <= self._threads:
            return await job.result
        # Most have their answer by then, and a task for each would cost as much as its thread.
        loop = asyncio.get_running_loop()
        watch = loop.call_later(PATIENCE_SECONDS, _withdraw_with_its_client, job, receive)
        try:
            return await job.result
        finally:
            watch.cancel()

    # --- Views on Django's own path ------------------------------------------------------------

    @cached_property
    def _django(self) -> ASGIHandler:
        return ASGIHandler()

    @cached_property
    def _async_routes(self) -> list[list[Any]]:
        return list(_routes_to_coroutines(get_resolver().url_patterns, []))

    @cached_property
    def _async_beginnings(self) -> tuple[str, ...]:
        return tuple({_beginning(route) for route in self._async_routes})

    def _is_async(self, scope: Scope) -> bool:
        path = scope["path"].removeprefix(get_script_prefix(scope)).removeprefix("/")
        return path.startswith(self._async_beginnings) and any(
            _matches(route, path) for route in self._async_routes
        )


class SyncChain(BaseHandler):
    """Middleware and view, all synchronous."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """As Django does, and faster."""
        if hasattr(request, "urlconf"):
            return super().resolve_request(request)
        match = request.resolver_match = view_at(request.path_info)
        return match

    def respond(
        self, scope: Scope, body: IO[bytes], stream: _Stream, since: float | None
    ) -> Answer | None:
        """Answer a request, on the thread that this is called on; None when it was streamed. It is
        measured from `since`, of the performance counter, where that is given.

        The signals of a request are sent around it: among other things they give up database
        connections that are too old or broken."""
        match: ResolverMatch | None = None
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request = ASGIRequest(scope, body)
        except UnicodeDecodeError:
            request_log.warning("Bad Request (UnicodeDecodeError)", exc_info=sys.exc_info())
            response: HttpResponseBase = HttpResponseBadRequest()
        else:
            response = self.get_response(request)
            match = request.resolver_match
        if since is not None:
            observe_request(
                method=scope["method"],
                route=match.route if match else NO_ROUTE,
                status=response.status_code,
                seconds=time.perf_counter() - since,
            )
        response._handler_class = self.__class__  # type: ignore[attr-defined]
        try:
            headers = _headers_of(response)
            if response.streaming:
                stream.send(response.status_code, headers, cast(StreamingHttpResponse, response))
                return None
            return Answer(response.status_code, headers, response.content)  # type: ignore[attr-defined]
        finally:
            response.close()
            body.close()


class _Stream:
    """Sends a streaming response from the thread that makes it, as fast as the client reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive, send: Send) -> None:
        self._loop = loop
        self._receive = receive
        self._send = send

    def send(self, status: int, headers: Headers, response: StreamingHttpResponse) -> None:
        """Send it all, or until the client has gone."""
        leaving = asyncio.run_coroutine_threadsafe(_disconnect(self._receive), self._loop)
        try:
            self._put({"type": "http.response.start", "status": status, "headers": headers})
            for chunk in cast(Iterable[bytes], response):
                if leaving.done():
                    return
                self._put({"type": "http.response.body", "body": chunk, "more_body": True})
            self._put({"type": "http.response.body"})
        finally:
            leaving.cancel()

    def _put(self, message: MutableMapping[str, Any]) -> None:
        sending = asyncio.run_coroutine_threadsafe(self._send(message), self._loop)
        try:
            sending.result(CHUNK_SECONDS)
        except TimeoutError:
            sending.cancel()
            raise


# --- Bodies ------------------------------------------------------------------------------------


async def _read_in_time(scope: Scope, receive: Receive) -> tuple[IO[bytes], Scope]:
    """`_read_body`, within `BODY_SECONDS`. Raises `TimeoutError` as well."""
    if not any(name in _OF_A_BODY for name, _ in scope["headers"]):
        return await _read_body(scope, receive)  # There is none, and nothing to wait for.
    async with asyncio.timeout(BODY_SECONDS):
        return await _read_body(scope, receive)


async def _read_body(scope: Scope, receive: Receive) -> tuple[IO[bytes], Scope]:
    """The request's body, and the scope with its true length. Raises `Disconnected`.

    Of a body over `ARAGORA_MAX_UPLOAD_BYTES` only the length is kept: by it the chain answers
    413."""
    message = await receive()
    limit = settings.ARAGORA.max_upload_bytes
    if message["type"] == "http.request" and not message.get("more_body", False):
        content = message.get("body", b"")
        return io.BytesIO(content[:limit]), _with_length(scope, len(content))
    file = cast(IO[bytes], tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115
    length = 0
    while message["type"] == "http.request":
        content = message.get("body", b"")
        length += len(content)
        if length <= limit:
            file.write(content)
        if not message.get("more_body", False) or length > limit + DISCARDED_BYTES:
            file.seek(0)
            return file, _with_length(scope, length)
        message = await receive()
    file.close()
    raise Disconnected


def _with_length(scope: Scope, length: int) -> Scope:
    """Tell the length of a body that came in pieces, which nobody declared."""
    if not length or any(name == b"content-length" for name, _ in scope["headers"]):
        return scope
    return {**scope, "headers": [*scope["headers"], (b"content-length", b"%d" % length)]}


async def _disconnect(receive: Receive) -> None:
    """Wait until the client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _withdraw_with_its_client(job: Job[Answer | None], receive: Receive) -> None:
    """From now on, take the job back if its client goes before its turn comes."""

    async def watch() -> None:
        await _disconnect(receive)
        if job.withdraw() and not job.result.done():
            job.result.set_exception(Disconnected())

    task = asyncio.create_task(watch())
    job.result.add_done_callback(lambda _: task.cancel())


# --- Answers -----------------------------------------------------------------------------------


def _headers_of(response: HttpResponseBase) -> Headers:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = (cookie.output(header="").strip() for cookie in response.cookies.values())
    return headers + [(b"Set-Cookie", cookie.encode("ascii")) for cookie in cookies]


def _overloaded() -> Answer:
    sentence = "This instance has more to do than it can; try again in a moment."
    retry = (b"retry-after", str(RETRY_SECONDS).encode())
    return _error(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", sentence, retry)


def _too_slow() -> Answer:
    sentence = f"The request's body did not arrive within {BODY_SECONDS:.0f} seconds."
    return _error(HTTPStatus.REQUEST_TIMEOUT, "too_slow", sentence, (b"connection", b"close"))


def _error(status: HTTPStatus, code: str, sentence: str, header: tuple[bytes, bytes]) -> Answer:
    content = dumps({"error": sentence, "code": code, "trace_id": "", "errors": []}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        header,
    ]
    return Answer(status, headers, content)


async def _send_answer(answer: Answer, send: Send) -> None:
    start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.content})


# --- Routes to coroutine views -----------------------------------------------------------------


def _routes_to_coroutines(patterns: Iterable[Any], above: list[Any]) -> Iterator[list[Any]]:
    """The patterns, from the root down, that lead to each view that is a coroutine function."""
    for entry in patterns:
        route = [*above, entry.pattern]
        if isinstance(entry, URLResolver):
            yield from _routes_to_coroutines(entry.url_patterns, route)
        elif isinstance(entry, URLPattern) and iscoroutinefunction(entry.callback):
            yield route


def _beginning(route: list[Any]) -> str:
    """What every address of the route begins with."""
    text = ""
    for pattern in route:
        if not isinstance(pattern, RoutePattern):
            break
        literal, parameter, _ = str(pattern).partition("<")
        text += literal
        if parameter:
            break
    return text


def _matches(route: list[Any], path: str) -> bool:
    rest = path
    for pattern in route:
        match = pattern.match(rest)
        if match is None:
            return False
        rest = match[0]
    return True
