"""A fixed number of threads for an event loop, with less ado than an executor's: a queue for each
thread, and one call back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

SWITCH_SECONDS = 0.001
"""How long a thread may keep an event loop waiting for its turn, in processes that have both. At
Python's 5 ms, a loop beside eight busy threads was late by 14 ms in the median; at this, by 4. A
worker with 50 debates at once was done in nine tenths of the time."""


class Job(Generic[T]):
    """Work on its way to a thread. `result` belongs to the loop that it was made on."""

    __slots__ = ("_begun", "_loop", "_over", "_work", "result")

    def __init__(self, work: Callable[[], T], over: Callable[[], None]) -> None:
        """`over` is called on the loop when a thread is done with it, whatever became of it."""
        self._work = work
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._begun = threading.Lock()
        """Held once somebody has taken the work, or taken it back."""
        self.result: asyncio.Future[T] = self._loop.create_future()

    def withdraw(self) -> bool:
        """Take the work back; False when it has begun."""
        return self._begun.acquire(blocking=False)

    def carry_out(self) -> Callable[[], None]:
        """On a thread; then call what comes back, to tell the loop."""
        if self.result.cancelled() or not self._begun.acquire(blocking=False):
            return partial(self._tell, self._skip, None)
        try:
            done = self._work()
        except BaseException as error:
            return partial(self._tell, self._fail, error)
        else:
            return partial(self._tell, self._end, done)

    def _tell(self, how: Callable[..., None], what: object) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits.
            self._loop.call_soon_threadsafe(how, what)

    def _skip(self, _: object) -> None:
        self._over()

    def _end(self, done: T) -> None:
        self._over()
        if not self.result.done():
            self.result.set_result(done)

    def _fail(self, error: BaseException) -> None:
        self._over()
        if not self.result.done():
            self.result.set_exception(error)


_Inbox = SimpleQueue[Job[object] | None]
"""What is given to one thread; None ends it."""


class Threads:
    """At most so many threads, begun as they are needed. To be used on one event loop.

    Work goes to the thread that was free last: its caches, and those of its connections, are the
    warmest."""

    def __init__(self, most: int, *, name: str, at_end: Callable[[], None] = lambda: None) -> None:
        """`at_end` is called on each thread when it ends."""
        self._most = most
        self._name = name
        self._at_end = at_end
        self._lock = threading.Lock()
        """Around `_waiting` and `_free`: while somebody is free, nothing waits."""
        self._waiting: deque[Job[object]] = deque()
        self._free: list[_Inbox] = []
        self._threads: list[tuple[threading.Thread, _Inbox]] = []
        self._under_way = 0

    def submit(self, work: Callable[[], T]) -> Job[T]:
        """Have the work done on the next thread that is free."""
        job = Job(work, self._one_less)
        self._under_way += 1
        if len(self._threads) < min(self._under_way, self._most):
            self._begin_one()
        with self._lock:
            if self._free:
                self._free.pop().put(job)  # type: ignore[arg-type]
            else:
                self._waiting.append(job)  # type: ignore[arg-type]
        return job

    def close(self) -> None:
        """Do what is queued, and end the threads."""
        for _, inbox in self._threads:
            inbox.put(None)
        for thread, _ in self._threads:
            thread.join()
        self._threads.clear()
        with self._lock:
            self._free.clear()

    def _one_less(self) -> None:
        self._under_way -= 1

    def _begin_one(self) -> None:
        inbox: _Inbox = SimpleQueue()
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True)
        thread.start()
        self._threads.append((thread, inbox))
        with self._lock:
            self._free.append(inbox)

    def _work(self, inbox: _Inbox) -> None:
        while (job := inbox.get()) is not None:
            while job is not None:
                tell = job.carry_out()
                # Free before anybody hears of it: they may have more to do at once.
                job = self._next_for(inbox)
                tell()
                del tell  # What it holds would stay until the next one comes.
        self._at_end()

    def _next_for(self, inbox: _Inbox) -> Job[object] | None:
        """What has waited longest; None once the thread is free."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._free.append(inbox)
            return None
