"""A fixed number of threads for an event loop, with less ado than an executor's: one queue, one
call back, no locks that are shared."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
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

    def carry_out(self) -> None:
        """On a thread."""
        if self.result.cancelled() or not self._begun.acquire(blocking=False):
            self._tell(self._skip, None)
            return
        try:
            done = self._work()
        except BaseException as error:
            self._tell(self._fail, error)
        else:
            self._tell(self._end, done)

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


class Threads:
    """At most so many threads, begun as they are needed. To be used on one event loop."""

    def __init__(self, most: int, *, name: str, at_end: Callable[[], None] = lambda: None) -> None:
        """`at_end` is called on each thread when it ends."""
        self._most = most
        self._name = name
        self._at_end = at_end
        self._jobs: SimpleQueue[Job[object] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._under_way = 0

    def submit(self, work: Callable[[], T]) -> Job[T]:
        """Have the work done on the next thread that is free."""
        job = Job(work, self._one_less)
        self._under_way += 1
        if len(self._threads) < min(self._under_way, self._most):
            self._begin_one()
        self._jobs.put(job)  # type: ignore[arg-type]
        return job

    def close(self) -> None:
        """Do what is queued, and end the threads."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _one_less(self) -> None:
        self._under_way -= 1

    def _begin_one(self) -> None:
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.carry_out()
            del job  # What it holds would stay until the next one comes.
        self._at_end()
