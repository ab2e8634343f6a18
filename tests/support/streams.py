"""A stream server in this process, events for it to carry, and readers that keep what they get."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

from django.core.handlers.asgi import ASGIHandler
from django.db import transaction
from django.utils import timezone
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from debates.choices import EventType
from debates.models import Debate
from debates.services.events import EventRow, NewEvent, append_events, publish_after_commit
from debates.streaming.events import EphemeralType
from debates.streaming.hub import Hub, get_hub
from debates.streaming.publisher import publish_frame
from debates.streaming.routing import application as sockets
from debates.streaming.uvicorn_sockets import PROTOCOL
from tests.support.asgi import PATIENCE_SECONDS, AsgiServer


class StreamServer(AsgiServer):
    """The sockets and the views, with the hub on the server's loop."""

    def __init__(self, **config: Any) -> None:
        self.hub: Hub = get_hub()
        limits = {"ws": PROTOCOL, "ws_max_size": 64 * 1024, "ws_per_message_deflate": False}
        super().__init__(_application, **limits | config)

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def started(self) -> None:
        await self.hub.start()

    async def ended(self) -> None:
        await self.hub.stop()


async def _application(scope: Any, receive: Any, send: Any) -> None:
    application: Any = sockets if scope["type"] == "websocket" else ASGIHandler()
    await application(scope, receive, send)


# --- Events ------------------------------------------------------------------------------------


def add_events(
    debate: Debate, count: int = 1, *, published: bool = True, content: str = "words"
) -> list[EventRow]:
    """Commit `count` human turns; unpublished ones are what another process wrote unheard."""
    events = [
        NewEvent(
            EventType.AGENT_MESSAGE,
            {"debate_id": str(debate.pk), "content": content, "role": "human", "n": number},
            round=1,
            agent="alice",
        )
        for number in range(count)
    ]
    with transaction.atomic():
        rows = append_events(debate_id=debate.pk, events=events, now=timezone.now())
        if published:
            publish_after_commit(debate_id=debate.pk, rows=rows)
    return rows


def add_token_frames(debate: Debate, turn_id: str, text: str, *, agent: str = "ada") -> None:
    """Publish the beginning of a turn and its text, letter by letter."""
    head = {"debate_id": str(debate.pk), "agent": agent, "turn_id": turn_id}
    start = {**head, "round_number": 1, "phase": "draft"}
    publish_frame(str(debate.pk), EphemeralType.TOKEN_START, start, round=1, agent=agent)
    for offset, letter in enumerate(text):
        delta = {**head, "offset": offset, "text": letter}
        publish_frame(str(debate.pk), EphemeralType.TOKEN_DELTA, delta, round=1, agent=agent)


# --- Readers -----------------------------------------------------------------------------------

Frame = dict[str, Any]


class Serving(Protocol):
    """A server in this process, or in one of its own."""

    @property
    def port(self) -> int: ...

    @property
    def ws_url(self) -> str: ...


class Reader:
    """A client that keeps every frame it gets."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[Frame] = []

    def send(self, type: str, **body: Any) -> None:
        self.socket.send(json.dumps({"type": type, **body}))

    def next(self) -> Frame:
        """The next frame; TimeoutError when none comes."""
        frame: Frame = json.loads(self.socket.recv(PATIENCE_SECONDS))
        self.frames.append(frame)
        return frame

    def until(self, wanted: str | Callable[[Frame], bool]) -> Frame:
        """Read on until a frame is of this type, or satisfies this; heartbeats are passed over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            frame = self.next()
            if frame["type"] == wanted if isinstance(wanted, str) else wanted(frame):
                return frame
        raise AssertionError(f"{wanted} never came; got {[f['type'] for f in self.frames]}")

    def until_seq(self, seq: int) -> list[int]:
        """Read on until the event `seq`; the numbers of all events that were read."""
        if seq not in self.seqs:
            self.until(lambda frame: is_event(frame) and frame["seq"] == seq)
        return self.seqs

    @property
    def is_open(self) -> bool:
        return self.socket.state is State.OPEN

    def until_closed(self) -> int:
        """Read on to the end; the close code."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.next()
        assert self.socket.close_code is not None
        return self.socket.close_code

    @property
    def seqs(self) -> list[int]:
        return [frame["seq"] for frame in self.frames if is_event(frame)]

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


def is_event(frame: Frame) -> bool:
    return frame["type"] in EventType.values


@contextlib.contextmanager
def reader(
    server: Serving,
    debate_id: UUID | str | None = None,
    *,
    path: str = "",
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Iterator[Reader]:
    """A connected client; with a debate, subscribed by the address as the Python SDK does."""
    if debate_id is not None:
        query = {"debate_id": str(debate_id), **query}
    url = server.ws_url + path + (f"?{urlencode(query)}" if query else "")
    with connect(
        url,
        additional_headers=headers,
        max_size=None,
        max_queue=None,
        open_timeout=PATIENCE_SECONDS,
        proxy=None,
    ) as socket:
        yield Reader(socket)


class StalledReader:
    """A client that connects, and then does not read until it is told to.

    Without `answers` it never says anything either, not even to a ping."""

    def __init__(
        self, server: Serving, debate_id: UUID | str | None = None, *, answers: bool = True
    ) -> None:
        query = "" if debate_id is None else f"?debate_id={debate_id}"
        self._protocol = ClientProtocol(parse_uri(server.ws_url + query), max_size=None)
        self._answers = answers
        self.pings = 0
        self._socket = socket.socket()
        # Little room in this machine's buffers, so that the server notices soon.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect(("127.0.0.1", server.port))
        self._protocol.send_request(self._protocol.connect())
        self._socket.sendall(b"".join(self._protocol.data_to_send()))

    def read_to_the_end(self) -> tuple[list[Frame], int | None]:
        """Everything that comes until the server closes, and the close code."""
        frames: list[Frame] = []
        text = b""
        while data := self._socket.recv(1 << 16):
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if not isinstance(event, WireFrame):
                    continue
                self.pings += event.opcode is Opcode.PING
                if event.opcode in (Opcode.TEXT, Opcode.CONT):
                    text += bytes(event.data)
                    if event.fin:
                        frames.append(json.loads(text))
                        text = b""
            answer = b"".join(self._protocol.data_to_send())
            if answer and self._answers:
                self._socket.sendall(answer)
        self._protocol.receive_eof()
        self.leave()
        return frames, self._protocol.close_code

    def leave(self) -> None:
        """Go without a word."""
        self._socket.close()
