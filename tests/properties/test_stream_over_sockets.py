"""Over real connections that break anywhere: every client ends with the whole log, once, in order.

Events are published late, twice, in disorder or not at all; readers read a little, lose the end of
it, are cut off in the middle of a frame, and come back over a socket or an event stream.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from debates.models import Debate
from debates.streaming import hub as hub_module
from debates.streaming.publisher import publish
from tests.factories import make_debate
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import Reader, StreamServer, add_events, is_event, reader

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stream(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamServer]:
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 0.02)
    with StreamServer() as server:
        yield server


class Roamer:
    """A client that keeps what it got, and its connection for as long as that lasts."""

    def __init__(self, stream: StreamServer, debate: Debate) -> None:
        self._stream = stream
        self._debate = debate
        self._open = contextlib.ExitStack()
        self._client: Reader | None = None
        self.has: list[int] = []

    def read(self, until: int) -> None:
        """Read on to an event, from wherever it stands."""
        while len(self.has) < until:
            try:
                frame = self._connected().next()
            except ConnectionClosed:
                self.leave()
                continue
            assert frame["type"] != "sync"
            if is_event(frame):
                self.has.append(frame["seq"])

    def lose(self, count: int) -> None:
        """The last events never came, and neither will anything else on this connection."""
        self.leave()
        del self.has[max(0, len(self.has) - count) :]

    def leave(self) -> None:
        """Break the connection, with whatever is on the way."""
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.socket.socket.shutdown(socket.SHUT_RDWR)
            self._client = None
        self._open.close()

    def read_as_event_stream(self, until: int) -> None:
        """The same by server-sent events, from the last id on."""
        self.leave()
        if len(self.has) >= until:
            return
        url = f"{self._stream.url}/api/v1/debates/{self._debate.pk}/events/stream"
        headers = {"Last-Event-ID": f"{self._debate.epoch}:{len(self.has)}"}
        with httpx.stream("GET", url, headers=headers, timeout=PATIENCE_SECONDS) as response:
            for line in response.iter_lines():
                if line.startswith("data: "):
                    frame: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    if is_event(frame):
                        self.has.append(frame["seq"])
                        if frame["seq"] >= until:
                            return

    def _connected(self) -> Reader:
        if self._client is None:
            since: dict[str, Any] = {"since_seq": len(self.has), "epoch": self._debate.epoch}
            coming = reader(self._stream, self._debate.pk, **since)
            self._client = self._open.enter_context(coming)
        return self._client


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["write", "unheard", "jumbled", "long"]), st.integers(1, 4)),
        st.tuples(st.sampled_from(["read", "listen"]), st.integers(1, 6)),
        st.tuples(st.just("lose"), st.integers(0, 4)),
        st.tuples(st.just("leave"), st.just(0)),
    ),
    min_size=1,
    max_size=16,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, chance=st.randoms(use_true_random=False))
def test_every_client_ends_with_the_whole_log(
    stream: StreamServer, steps: list[tuple[str, int]], chance: random.Random
) -> None:
    debate = make_debate()
    clients = [Roamer(stream, debate) for _ in range(3)]
    try:
        roam(debate, clients, steps, chance)
    finally:
        for client in clients:
            client.leave()


def roam(
    debate: Debate, clients: list[Roamer], steps: list[tuple[str, int]], chance: random.Random
) -> None:
    written = 0
    for what, number in steps:
        client = chance.choice(clients)
        goal = min(written, len(client.has) + number)
        match what:
            case "write" | "long":
                add_events(debate, number, content="x" * (70_000 if what == "long" else 5))
            case "unheard":
                add_events(debate, number, published=False)
            case "jumbled":
                rows = add_events(debate, number, published=False)
                for row in chance.choices(rows, k=number + 1):
                    publish(debate.pk, [row])
            case "read":
                client.read(goal)
            case "listen":
                client.read_as_event_stream(goal)
            case "lose":
                client.lose(number)
            case "leave":
                client.leave()
        if what in ("write", "long", "unheard", "jumbled"):
            written += number
    for client in clients:
        client.read(written)
        assert client.has == list(range(1, written + 1))
