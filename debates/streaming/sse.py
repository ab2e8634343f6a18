"""The stream of one debate as server-sent events, for clients without WebSockets.

The same frames, in the same order. The id of an event is `epoch:seq`, and a client that comes back
with it as `Last-Event-ID` gets what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from aragora_site.errors import AragoraError
from debates.api.errors import InvalidKey, MethodNotAllowed, answer_exception, error_response
from debates.exceptions import InvalidInput, NotFound
from debates.streaming.client_frames import BadFrame, ClientFrame, Since
from debates.streaming.connections import RETRY_AFTER_SECONDS, Refusal, connections
from debates.streaming.credentials import (
    SIGNED_OUT,
    SIGNED_OUT_REASON,
    Credential,
    credential_of,
    credentials,
)
from debates.streaming.gate import Scope, address_of, header
from debates.streaming.hub import get_hub
from debates.streaming.identity import UnknownToken, token_of, viewer_of
from debates.streaming.outlet import TRY_AGAIN_LATER
from debates.streaming.packets import Burst, Packet, PacketQueue
from debates.streaming.queries import find_debate, run_query
from debates.streaming.subscription import NO_SUCH_DEBATE, Subscription

CONTENT_TYPE = "text/event-stream"
RETRY_MILLISECONDS = 2000
"""When a browser connects again by itself."""
TAKEN_SECONDS = 40.0
"""How long a reader may take for what it is sent: as long as a socket has to answer a ping."""


def asks_for_stream(scope: Scope) -> bool:
    """Whether a request is for a debate's events as a stream, going by its `Accept`."""
    path = scope["path"].rstrip("/")
    return (
        path.endswith("/events")
        and path.rsplit("/", 3)[-3:-2] == ["debates"]
        and scope["method"] == "GET"
        and CONTENT_TYPE in (header(scope, b"accept") or "")
    )


def stream_scope(scope: Scope) -> Scope:
    """The same request, addressed to `debate_events`, which has an address of its own."""
    return {**scope, "path": scope["path"].rstrip("/") + "/stream"}


@csrf_exempt
async def debate_events(request: HttpRequest, reference: str) -> HttpResponseBase:
    """GET …/debates/{id}/events with `Accept: text/event-stream`."""
    try:
        return await _answer(request, reference)
    except AragoraError as error:
        return answer_exception(request, error)


async def _answer(request: HttpRequest, reference: str) -> HttpResponseBase:
    if request.method != "GET":
        raise MethodNotAllowed(["GET"])
    address = address_of(request.scope) if hasattr(request, "scope") else ""
    refusal = Refusal.DRAINING if get_hub().draining else connections.refusal(address)
    if refusal is not None:
        return error_response(
            request,
            status=_status_of(refusal),
            code=refusal.name.lower(),
            message=refusal.message,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    since = _since(request)
    try:
        token = token_of(request.headers.get("Authorization"), request.GET.dict())
        viewer = await viewer_of({"user": await request.auser()}, token=token)
    except UnknownToken:
        raise InvalidKey("This API key is not valid.") from None
    share = request.GET.get("share", "")
    debate_id = await run_query(find_debate, viewer, reference, share)
    if debate_id is None:
        raise NotFound(NO_SUCH_DEBATE)

    async def may_read(debate_id: UUID) -> bool:
        return await run_query(find_debate, viewer, str(debate_id), share) is not None

    credential = credential_of(viewer, session_key=request.session.session_key)
    return StreamingHttpResponse(
        _events(debate_id, since, may_read, address, credential),
        content_type=CONTENT_TYPE,
        # Proxies are not to hold events back.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _status_of(refusal: Refusal) -> HTTPStatus:
    if refusal is Refusal.TOO_MANY:
        return HTTPStatus.TOO_MANY_REQUESTS
    return HTTPStatus.SERVICE_UNAVAILABLE


def _since(request: HttpRequest) -> Since:
    """Where to begin: after `Last-Event-ID` ("epoch:seq" or "seq"), else after `since`."""
    last = request.headers.get("Last-Event-ID", "")
    epoch, _, seq = last.rpartition(":")
    if not last:
        epoch, seq = request.GET.get("epoch", ""), request.GET.get("since", "")
        seq = seq or request.GET.get("since_seq", "")
    body: dict[str, Any] = {"epoch": epoch}
    if seq:
        body["since_seq"] = int(seq) if seq.isascii() and seq.isdigit() else seq
    try:
        return ClientFrame("subscribe", body).since
    except BadFrame:
        message = "Use the number of the last event you have."
        raise InvalidInput(f"since: {message}", fields=(("since", message),)) from None


async def _events(
    debate_id: UUID,
    since: Since,
    may_read: Callable[[UUID], Awaitable[bool]],
    address: str,
    credential: Credential | None,
) -> AsyncIterator[bytes]:
    hub, outlet = get_hub(), EventOutlet()
    subscription = Subscription(
        hub=hub,
        outlet=outlet,
        debate_id=debate_id,
        may_read=may_read,
        ended=lambda _: outlet.finish(),
        controls=False,
    )

    def sign_out() -> None:
        outlet.close(SIGNED_OUT, SIGNED_OUT_REASON)

    hub.admit(outlet)
    try:
        with connections.stream(address), credentials.hold(credential, sign_out):
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            subscription.start(since)
            async for events in outlet.events():
                with _taken_within(TAKEN_SECONDS):
                    yield events
    finally:
        subscription.stop()
        hub.dismiss(outlet)


@contextlib.contextmanager
def _taken_within(seconds: float) -> Iterator[None]:
    """End the answer when the reader does not take what is yielded meanwhile. Nothing else would:
    an event stream knows no pings, and what waits for a connection to take more waits for good."""
    # The task holds the response, and that this frame: a reference back would keep them all.
    answering = weakref.ref(cast(asyncio.Task[Any], asyncio.current_task()))
    giving_up = asyncio.get_running_loop().call_later(seconds, _cancel, answering)
    try:
        yield
    finally:
        giving_up.cancel()


def _cancel(answering: weakref.ref[asyncio.Task[Any]]) -> None:
    if (task := answering()) is not None:
        task.cancel()


class EventOutlet:
    """Queues packets for one event stream; bounded like that of a socket."""

    def __init__(self) -> None:
        self._queue = PacketQueue()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._closed = False

    def write(self, packet: Packet) -> None:
        if self._closed:
            return
        if not self._queue.put(packet):
            self.close(TRY_AGAIN_LATER)
        self._filled.set()

    def write_burst(self, burst: Burst) -> None:
        for packet in burst.packets:
            self.write(packet)

    async def send(self, burst: Burst) -> bool:
        while self._queue.crowded and not self._closed:
            self._emptied.clear()
            await self._emptied.wait()
        self.write_burst(burst)
        return not self._closed

    def close(self, code: int, reason: str = "") -> None:
        """An event stream has no close codes: it ends, and the client comes back."""
        self._queue.clear()
        self.finish()

    def finish(self) -> None:
        """End after what is queued."""
        self._closed = True
        self._filled.set()
        self._emptied.set()

    async def events(self) -> AsyncIterator[bytes]:
        """What is to be sent, until the end, as much at once as there is."""
        while True:
            if self._queue:
                yield b"".join([self._queue.pop().event for _ in range(len(self._queue))])
                continue
            self._emptied.set()
            if self._closed:
                return
            self._filled.clear()
            await self._filled.wait()


urlpatterns = [
    path("api/v1/debates/<str:reference>/events/stream", debate_events),
    path("api/debates/<str:reference>/events/stream", debate_events),
]
