"""A socket: who it is, what it follows. What happens to the frames is the hub's business."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import structlog
from django.conf import settings

from aragora_site.errors import AragoraError
from aragora_site.request_ids import request_id
from debates import metrics
from debates.selectors import Viewer
from debates.services.audience import PACE
from debates.streaming import audience, spans
from debates.streaming.client_frames import (
    MESSAGE_BURST,
    MESSAGES_PER_SECOND,
    BadFrame,
    ClientFrame,
    MessageRate,
    from_query,
    parse,
)
from debates.streaming.credentials import (
    SIGNED_OUT,
    SIGNED_OUT_REASON,
    credential_of,
    credentials,
)
from debates.streaming.envelope import control_text
from debates.streaming.events import (
    Ack,
    ConnectionInfo,
    ControlType,
    Failed,
    LoopList,
    Pong,
    StreamLimits,
    Unsubscribed,
    Warned,
)
from debates.streaming.gate import DIRECT, Receive, Scope, Send, address_of, header
from debates.streaming.hub import get_hub
from debates.streaming.identity import UnknownToken, token_of, viewer_of
from debates.streaming.outlet import TRY_AGAIN_LATER, SocketOutlet
from debates.streaming.packets import Burst, Packet
from debates.streaming.places import Known, Place, key_of
from debates.streaming.queries import find_debate, read_loops, run_query
from debates.streaming.subscription import NO_SUCH_DEBATE, Subscription
from debates.streaming.whereabouts import whereabouts
from debates.visitors import person_of

log = structlog.get_logger(__name__)

DEBATES_PER_SOCKET = 50
POLICY_VIOLATION, MESSAGE_TOO_BIG, BAD_TOKEN = 1008, 1009, 4401
NO_GOODBYE = 1006
RETURNING = frozenset({1005, NO_GOODBYE, 1011, 1012, 1013, 4012, 4013})
"""How connections end whose client means to go on. uvicorn says 1005 of one that was just gone;
the last two are daphne's (see `outlet.send_close`)."""
LOOK_AGAIN_SECONDS, LOOK_AGAIN_TIMES = 4.0, 5


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application at `/ws` and `/ws/debates/{id}`."""
    await StreamConsumer(scope, send).run(receive)


class StreamConsumer:
    """One socket.

    Not one of Channels' consumers: those close old database connections before every message, on
    the one thread that all synchronous code shares, and hold a channel and two tasks a socket. The
    hub listens to the channel layer on behalf of all sockets; nothing here uses a connection."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.hub = get_hub()
        self.raw_send = send
        self.outlet = SocketOutlet(send, scope.get(DIRECT))
        self.subscriptions: dict[UUID, Subscription] = {}
        self.names: dict[str, UUID] = {}
        self.rate = MessageRate()
        self.connection_id = uuid4().hex
        self.known_as = ""
        self.share = ""
        """The token of the shared link that it came by."""
        self.good_until_the_end = contextlib.ExitStack()
        self.looking: asyncio.Task[None] | None = None

    async def run(self, receive: Receive) -> None:
        """Until the socket is closed."""
        code = NO_GOODBYE
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                await self.attend(message)
            code = message.get("code") or NO_GOODBYE
        finally:
            metrics.count_close(self.outlet.close_code or code)
            self.outlet.dispose()
            known = self.whereabouts()
            for subscription in list(self.subscriptions.values()):
                subscription.stop()
            if self.looking is not None:
                self.looking.cancel()
            self.good_until_the_end.close()
            self.hub.dismiss(self.outlet)
            await whereabouts.leave(known, may_return=code in RETURNING)

    async def attend(self, message: Mapping[str, Any]) -> None:
        """Do what the server or the client says; what fails here is not the client's fault."""
        try:
            if message["type"] == "websocket.connect":
                with spans.connecting(self.scope) as trace:
                    await self.connect()
                    if self.outlet.close_code is not None:
                        trace.fail(str(self.outlet.close_code))
            else:
                await self.receive(message.get("text"), message.get("bytes"))
        except BadFrame as error:
            await self.warn(error.code, str(error))
        except Exception:
            log.exception("stream_socket_failed")
            self.outlet.close(TRY_AGAIN_LATER, "Something is wrong here; connect again.")

    # --- The socket ----------------------------------------------------------------------------

    async def connect(self) -> None:
        request_id.set(self.connection_id)
        query = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        token = token_of(header(self.scope, b"authorization"), query)
        self.share = query.get("share", "")
        await self.raw_send({"type": "websocket.accept"})
        self.hub.admit(self.outlet)
        try:
            self.viewer: Viewer = await viewer_of(self.scope, token=token)
        except UnknownToken:
            self.outlet.close(BAD_TOKEN, "This token is not valid.")
            return
        self.person = person_of(
            viewer=self.viewer, cookies=self.scope["cookies"], address=address_of(self.scope)
        )
        self.known_as = key_of(self.person, token=token)
        credential = credential_of(self.viewer, session_key=self.scope["session_key"])
        self.good_until_the_end.enter_context(credentials.hold(credential, self.sign_out))
        info = _connection_info(self.connection_id, self.viewer)
        await self.say(ControlType.CONNECTION_INFO, info)
        path = self.scope["url_route"]["kwargs"].get("reference", "")
        if frame := from_query(query, path):
            await self.subscribe(frame)
        elif await self.go_on_where_it_was():
            self.looking = asyncio.create_task(self.look_again(), name="stream-look-again")

    async def receive(self, text: str | None, data: bytes | None) -> None:
        if self.outlet.closed:
            return
        size = len(data or b"") if text is None else len(text.encode())
        if size > settings.ARAGORA.websocket_payload_limit:
            self.outlet.close(MESSAGE_TOO_BIG, "This message is too long.")
        elif not self.rate.allows(time.monotonic()):
            await self.object_to_haste()
        else:
            await self.handle(parse(text or ""))

    async def object_to_haste(self) -> None:
        """A message came over the rate: it is ignored. Say so once, and close in the end."""
        if self.rate.exhausted:
            self.outlet.close(POLICY_VIOLATION, "You send too many messages.")
        elif self.rate.ignored == 1:
            limit = f"{MESSAGES_PER_SECOND} messages a second, {MESSAGE_BURST} at once"
            await self.warn("rate_limited", f"Messages are ignored: at most {limit}.")

    async def handle(self, frame: ClientFrame) -> None:
        with spans.message(frame.type):
            await self.carry_out(frame)

    async def carry_out(self, frame: ClientFrame) -> None:
        match frame.type:
            case "subscribe":
                await self.subscribe(frame)
            case "unsubscribe":
                await self.unsubscribe(frame)
            case "ping":
                await self.say(ControlType.PONG, Pong(ts=frame.body.get("ts")))
            case "get_loops":
                loops = await run_query(read_loops, self.viewer)
                await self.say(ControlType.LOOP_LIST, LoopList(loops=loops, count=len(loops)))
            case audience.VOTE | audience.SUGGESTION:
                await self.hear(frame)
            case unknown:
                raise BadFrame("unknown_type", f"There is no message type {unknown[:40]!r}.")

    async def hear(self, frame: ClientFrame) -> None:
        """A vote or a suggestion; nothing has to be followed for it."""
        try:
            debate_id = str(await run_query(audience.carry_out, self.person, frame))
        except AragoraError as error:
            await self.warn(error.code, str(error), debate_id=frame.reference)
        else:
            ack = Ack(debate_id=debate_id, type=frame.type)
            await self.say(ControlType.ACK, ack, debate_id=debate_id)

    # --- What it follows -----------------------------------------------------------------------

    async def subscribe(self, frame: ClientFrame) -> None:
        reference, since = frame.reference, frame.since
        debate_id = await run_query(find_debate, self.viewer, reference, self.share)
        if debate_id is None:
            failed = Failed(
                error=NO_SUCH_DEBATE,
                message=NO_SUCH_DEBATE,
                code="not_found",
                debate_id=reference,
            )
            await self.say(ControlType.ERROR, failed, debate_id=reference)
            return
        subscription = self.subscriptions.get(debate_id)
        if subscription is None:
            if len(self.subscriptions) >= DEBATES_PER_SOCKET:
                raise BadFrame(
                    "too_many_debates", f"Follow at most {DEBATES_PER_SOCKET} on one socket."
                )
            subscription = self.subscriptions[debate_id] = Subscription(
                hub=self.hub,
                outlet=self.outlet,
                debate_id=debate_id,
                may_read=self.may_read,
                ended=self.forget,
            )
            self.names |= {reference: debate_id, str(debate_id): debate_id}
        subscription.start(since)
        if not frame.is_numbered:
            await whereabouts.remember(self.connection_id, self.whereabouts)

    async def unsubscribe(self, frame: ClientFrame) -> None:
        debate_id = self.names.get(frame.reference)
        subscription = self.subscriptions.pop(debate_id, None) if debate_id else None
        if subscription is None:
            raise BadFrame("not_subscribed", "You do not follow this debate.")
        subscription.stop()
        await whereabouts.unfollow(self.connection_id, subscription.debate_id)
        key = str(debate_id)
        await self.say(ControlType.UNSUBSCRIBED, Unsubscribed(debate_id=key), debate_id=key)

    async def may_read(self, debate_id: UUID) -> bool:
        return await run_query(find_debate, self.viewer, str(debate_id), self.share) is not None

    def forget(self, subscription: Subscription) -> None:
        if self.subscriptions.get(subscription.debate_id) is subscription:
            del self.subscriptions[subscription.debate_id]

    # --- Clients that come back empty-handed ---------------------------------------------------

    def whereabouts(self) -> Known:
        """Where this socket is in what it follows."""
        places = {
            debate_id: Place(debate_id, *subscription.position)
            for debate_id, subscription in self.subscriptions.items()
        }
        for packet in reversed(self.outlet.unsent):
            if packet.seq is not None and (debate_id := packet.debate_id) in places:
                # A snapshot that did not get through leaves its reader with nothing.
                seq = 0 if packet.type == ControlType.SYNC else packet.seq - 1
                places[debate_id] = replace(places[debate_id], seq=seq)
        return Known(self.known_as, self.connection_id, tuple(places.values()))

    async def go_on_where_it_was(self) -> bool:
        """Follow what this client followed, if it was cut off a moment ago; whether that may not be
        all yet."""
        found = await whereabouts.find(self.known_as)
        for place in found.places:
            if await self.may_read(place.debate_id):
                body = {"debate_id": str(place.debate_id), "epoch": place.epoch}
                frame = ClientFrame("subscribe", {**body, "since_seq": place.seq})
                await self.subscribe(frame)
        if found.places:
            await whereabouts.remember(self.connection_id, self.whereabouts)
        return found.undecided

    async def look_again(self) -> None:
        """Its instance may have died without a word, which shows after a while."""
        try:
            for _ in range(LOOK_AGAIN_TIMES):
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
                if self.subscriptions or not await self.go_on_where_it_was():
                    return
        except Exception as error:  # The database is away; the client has to name its debate.
            log.warning("stream_places_not_read", error=type(error).__name__)

    def sign_out(self) -> None:
        self.outlet.close(SIGNED_OUT, SIGNED_OUT_REASON)

    # --- What it says --------------------------------------------------------------------------

    async def say(self, type: ControlType, data: Mapping[str, Any], *, debate_id: str = "") -> None:
        packet = Packet(control_text(type, data, debate_id=debate_id), type=type)
        await self.outlet.send(Burst([packet]))

    async def warn(self, code: str, message: str, *, debate_id: str = "") -> None:
        warned = Warned(debate_id=debate_id, message=message, severity="warning", code=code)
        await self.say(ControlType.WARNING, warned, debate_id=debate_id)


def _connection_info(connection_id: str, viewer: Viewer) -> ConnectionInfo:
    known = viewer is not None and viewer.is_authenticated
    return ConnectionInfo(
        connection_id=connection_id,
        server_version=settings.ARAGORA_VERSION,
        user=viewer.get_username() if viewer is not None and known else None,
        heartbeat_seconds=settings.ARAGORA.websocket_ping_interval,
        limits=StreamLimits(
            payload_bytes=settings.ARAGORA.websocket_payload_limit,
            messages_per_second=MESSAGES_PER_SECOND,
            message_burst=MESSAGE_BURST,
            audience_messages_per_minute=PACE.count,
            audience_burst=PACE.burst,
            debates_per_socket=DEBATES_PER_SOCKET,
        ),
    )
