"""Clients that follow debates over whatever happens to the servers, and keep what they get.

A `Crowd` is an event loop on a thread of its own with any number of `Follower`s. A follower does
what CONTRACT.md asks of a client, no more: it connects with (epoch, last seq), and when it is cut
off it goes to the next instance and does so again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from debates.choices import EventType
from debates.streaming.events import EphemeralType
from tests.support.processes import Server

Frame = dict[str, Any]

PATIENCE_SECONDS = 60.0
"""How long a test waits for what has to come."""
AGAIN_SECONDS = 0.1
"""A client that was cut off does not knock in a loop."""
TELL_SECONDS = 0.02
"""Whoever waits for the crowd looks at all of it, so not after every frame."""


class Event(NamedTuple):
    """What is kept of a durable event: enough to compare, and little for a thousand readers."""

    seq: int
    type: str
    digest: bytes

    @classmethod
    def of(cls, frame: Frame) -> Event:
        # Who reads the log is not told by which request an event came.
        content = json.dumps({**frame, "trace_id": ""}, sort_keys=True)
        return cls(frame["seq"], frame["type"], hashlib.sha256(content.encode()).digest())


class Follower:
    """One client and its debate. Read its fields freely; they change on the crowd's thread."""

    def __init__(self, crowd: Crowd, debate_id: str, instances: Sequence[Server]) -> None:
        """It begins at the first instance and goes on to the next when it is cut off."""
        self.debate_id = debate_id
        self.events: list[Event] = []
        """The durable events, in the order in which they came."""
        self.epoch = ""
        self.misheard: list[str] = []
        """Turns whose words, heard without a gap, were not those of the log."""
        self.heard = 0
        """Turns whose words, heard to the end without a gap, were those of the log."""
        self.others: Counter[str] = Counter()
        """How many frames of every other type came."""
        self.foreign: list[Frame] = []
        """Frames of debates that it does not follow."""
        self.closed: list[int | None] = []
        """The close code of every connection that it lost; 1006 for one that was just gone."""
        self.connected_to: Server | None = None
        self._crowd = crowd
        self._instances = itertools.cycle(instances)
        self._spoken: dict[str, str] = {}
        """The text so far of the turns that were heard from their beginning without a gap."""

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.events]

    @property
    def last_seq(self) -> int:
        return self.events[-1].seq if self.events else 0

    @property
    def is_over(self) -> bool:
        return bool(self.events) and self.events[-1].type == EventType.DEBATE_END

    async def follow(self) -> None:
        """Until the debate's last event."""
        while not self.is_over:
            instance = next(self._instances)
            query = {"debate_id": self.debate_id, "since_seq": self.last_seq, "epoch": self.epoch}
            try:
                async with connect(
                    f"{instance.ws_url}?{urlencode(query)}",
                    max_size=None,
                    open_timeout=PATIENCE_SECONDS,
                    close_timeout=1,
                    compression=None,
                    proxy=None,
                ) as socket:
                    self.connected_to = instance
                    while not self.is_over:
                        self._take(json.loads(await socket.recv()))
            except ConnectionClosed as lost:
                self.closed.append(lost.rcvd.code if lost.rcvd else 1006)
            except (OSError, InvalidHandshake):
                await asyncio.sleep(AGAIN_SECONDS)
            self.connected_to = None
            self._crowd.changed()

    def _take(self, frame: Frame) -> None:
        data, type = frame["data"], frame["type"]
        if frame["debate_id"] not in ("", self.debate_id):
            self.foreign.append(frame)
        elif type in _DURABLE:
            self.events.append(Event.of(frame))
            self.epoch = frame["epoch"]
            self._compare(data)
        else:
            self.others[type] += 1
            if type == EphemeralType.TOKEN_START:
                self._spoken[data["turn_id"]] = ""
            elif type == EphemeralType.TOKEN_DELTA:
                self._listen(data)
        self._crowd.changed()

    def _listen(self, delta: dict[str, Any]) -> None:
        text = self._spoken.get(delta["turn_id"])
        if text is None:
            return
        if delta["offset"] == len(text):
            self._spoken[delta["turn_id"]] = text + delta["text"]
        else:
            del self._spoken[delta["turn_id"]]

    def _compare(self, data: dict[str, Any]) -> None:
        text = self._spoken.get(data.get("turn_id", ""))
        if text is None or "target_agent" in data or "content" not in data:
            return  # Nothing was said aloud, or it is one of several events of a turn.
        if text.strip() == data["content"].strip():
            self.heard += 1
        elif not data["content"].startswith(text.strip()):  # The last words may be lost.
            self.misheard.append(data["turn_id"])
        del self._spoken[data["turn_id"]]


_DURABLE = frozenset(EventType.values)


class Crowd:
    """A context manager; when it ends, everybody goes."""

    def __init__(self) -> None:
        self.followers: list[Follower] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._moved = threading.Condition()
        self._telling: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._send_away(), self._loop).result(PATIENCE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def follow(self, debate_id: str, instances: Sequence[Server], *, count: int) -> list[Follower]:
        """Send `count` clients to the first of the instances; they know the others."""
        new = [Follower(self, debate_id, instances) for _ in range(count)]
        self.followers += new
        self._loop.call_soon_threadsafe(self._begin, new)
        return new

    def changed(self) -> None:
        """Something came, or somebody was cut off. On the crowd's thread."""
        if self._telling is None:
            self._telling = self._loop.call_later(TELL_SECONDS, self._tell)

    def _tell(self) -> None:
        self._telling = None
        with self._moved:
            self._moved.notify_all()

    def wait_until(
        self, holds: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS, what: str = ""
    ) -> None:
        """Block until the condition holds; it is looked at whenever something has come."""
        deadline = time.monotonic() + seconds
        with self._moved:
            while not holds():
                self._look_for_errors()
                assert time.monotonic() < deadline, f"never came: {what}\n{self}"
                self._moved.wait(1.0)

    def wait_for_the_end(self) -> None:
        """Block until every follower has the last event of its debate."""
        self.wait_until(lambda: all(one.is_over for one in self.followers), what="the end")

    def __str__(self) -> str:
        return "\n".join(
            f"{one.debate_id}: {one.seqs}, closed {one.closed}, {dict(one.others)}"
            for one in [one for one in self.followers if not one.is_over][:20]
        )

    def _begin(self, followers: Sequence[Follower]) -> None:
        self._tasks += [self._loop.create_task(one.follow()) for one in followers]

    def _look_for_errors(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _send_away(self) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*self._tasks, return_exceptions=True)


def start_debate(
    server: Server, question: str = "Should the town build the tram?", **body: Any
) -> str:
    """Start a debate over the API; its id."""
    answer = httpx.post(f"{server.url}/api/v1/debates", json={"task": question, **body}, timeout=30)
    assert answer.status_code == 201, answer.text
    debate_id: str = answer.json()["id"]
    return debate_id


def read_log(server: Server, debate_id: str) -> list[Event]:
    """The debate's events, from the API."""
    events: list[Event] = []
    while True:
        answer = httpx.get(
            f"{server.url}/api/v1/debates/{debate_id}/events",
            params={"since": len(events), "limit": 500},
            timeout=30,
        ).raise_for_status()
        page: list[Frame] = answer.json()["events"]
        if not page:
            return events
        events += map(Event.of, page)


def assert_complete(followers: Sequence[Follower], server: Server) -> None:
    """Everybody has the whole log of the debate: 1 to n, once, in order, word for word."""
    logs: dict[str, list[Event]] = {}
    for follower in followers:
        if follower.debate_id not in logs:
            logs[follower.debate_id] = read_log(server, follower.debate_id)
        log = logs[follower.debate_id]
        assert follower.seqs == list(range(1, len(log) + 1))
        assert follower.events == log
        assert not follower.foreign
        assert not follower.misheard
        assert not {"sync", "error", "warning"} & set(follower.others)
