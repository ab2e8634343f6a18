"""The door through which frames enter an event loop, from any thread, in order."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from debates.streaming.coalescing import COALESCE_SECONDS, Coalescer
from debates.streaming.envelope import Frame


class Intake:
    """Hands published frames to `deliver` on `loop`, token deltas coalesced.

    A burst of publications wakes the loop once."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Sequence[Frame]], None]
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._lock = threading.Lock()
        self._inbox: deque[Frame] = deque()
        self._woken = False
        self._coalescer = Coalescer()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, frames: Sequence[Frame]) -> None:
        """Take frames in; callable from any thread, also when the loop is gone."""
        with self._lock:
            self._inbox.extend(frames)
            if self._woken:
                return
            self._woken = True
        try:
            if _runs_here(self._loop):
                self._loop.call_soon(self._take)
            else:
                self._loop.call_soon_threadsafe(self._take)
        except RuntimeError:  # The loop is closed: nobody listens here any more.
            with self._lock:
                self._inbox.clear()

    def close(self) -> None:
        """Deliver what is held back. To be called on the loop."""
        self._take()
        self._flush()

    def _take(self) -> None:
        with self._lock:
            frames = list(self._inbox)
            self._inbox.clear()
            self._woken = False
        ready = [leaving for frame in frames for leaving in self._coalescer.put(frame)]
        if ready:
            self._deliver(ready)
        if self._coalescer and self._timer is None:
            self._timer = self._loop.call_later(COALESCE_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if frames := self._coalescer.flush():
            self._deliver(frames)


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether that is the loop of this thread, which need not be woken."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
