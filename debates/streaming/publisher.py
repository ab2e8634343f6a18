"""How the rest of the program tells the stream that something happened. Callable from any thread.

In a process that serves sockets, frames go to its hub, which sends them on to the other processes.
In one that does not (a worker, a command), a background thread sends them by the channel layer if
that reaches other processes; if not, they notice the log's growth by themselves.

Nothing here raises or waits: the log is the truth, and the stream a hint.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog

from aragora_site.request_ids import request_id
from debates import metrics
from debates.choices import EventType
from debates.services.events import EventRow
from debates.streaming.envelope import Frame, ephemeral_frame, frame_of_event
from debates.streaming.events import EphemeralType
from debates.streaming.intake import Intake
from debates.streaming.outbox import Outbox, shared_layer

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where this process's frames go. `put` is callable from any thread and does not wait."""

    def put(self, frames: Sequence[Frame]) -> None: ...


def publish(debate_id: UUID, rows: Sequence[EventRow]) -> None:
    """Tell whoever follows the debate of events that are committed."""
    metrics.count_ends(row.data["status"] for row in rows if row.type == EventType.DEBATE_END)
    key, trace_id = str(debate_id), request_id.get()
    _put([frame_of_event(row, debate_id=key, trace_id=trace_id) for row in rows])


def publish_frame(
    debate_id: str,
    type: EphemeralType,
    data: Mapping[str, Any],
    *,
    round: int | None = None,
    agent: str = "",
) -> None:
    """Show something to whoever is listening now; `data` is the payload of `type` in `events`.

    Publish every token delta as it comes: they are coalesced on the way."""
    _put([ephemeral_frame(debate_id=debate_id, type=type, data=data, round=round, agent=agent)])


def attach(sink: Sink) -> None:
    """Send this process's frames to `sink` from now on: the hub, when it starts."""
    _way_out.sink = sink


def detach(sink: Sink) -> None:
    """Take `attach` back."""
    if _way_out.sink is sink:
        _way_out.sink = None


def relay() -> Sink | None:
    """The way to the other processes for a sink that is not the hub; None where there is none."""
    return _way_out.relay()


def close() -> None:
    """Send what is waiting, and end the background thread where there is one."""
    _way_out.close()


def _put(frames: Sequence[Frame]) -> None:
    try:
        sink = _way_out.sink or _way_out.relay()
        if sink is not None:
            sink.put(frames)
    except Exception:
        log.exception("stream_publish_failed")


class _WayOut:
    """Where the frames of this process go."""

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self._relay: _Relay | None = None
        self._lock = threading.Lock()

    def relay(self) -> Sink | None:
        """The background thread, begun when it is first needed; None when it would reach nobody."""
        if self._relay is None and shared_layer() is not None:
            with self._lock:
                if self._relay is None:
                    self._relay = _Relay()
                    atexit.register(self.close)
        return self._relay

    def close(self) -> None:
        """End the thread; the next frame begins another."""
        with self._lock:
            relay, self._relay = self._relay, None
        if relay is not None:
            atexit.unregister(self.close)
            relay.stop()


class _Relay:
    """A thread with an event loop of its own, for processes without a hub."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._intake = Intake(self._loop, self._deliver)
        self._outbox: Outbox | None = None
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="stream-relay", daemon=True)
        self._thread.start()

    def put(self, frames: Sequence[Frame]) -> None:
        self._intake.put(frames)

    def stop(self) -> None:
        """Send what is waiting and end the thread; at most two seconds."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout=2.0)

    def _deliver(self, frames: Sequence[Frame]) -> None:
        if self._outbox is not None:
            self._outbox.put(frames)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._outbox = Outbox(shared_layer(), origin=uuid4().hex)
        await self._stopping.wait()
        self._intake.close()
        await self._outbox.stop()


_way_out = _WayOut()
