"""A fixed number of threads for an event loop, with less ado than an executor's: a queue for each
thread, and one call back. Threads with work for an embedded database do it in one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from queue import SimpleQueue
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")

SWITCH_SECONDS = 0.001
"""How long a thread may keep an event loop waiting for its turn, in processes that have both. At
Python's 5 ms, a loop beside eight busy threads was late by 14 ms in the median; at this, by 4. A
worker with 50 debates at once was done in nine tenths of the time."""
PATIENCE_SECONDS = 0.1
"""How long work for an embedded database waits for other work that is slow."""


class Job(Generic[T]):
    """Work on its way to a thread. `result` belongs to the loop that it was made on."""

    __slots__ = ("_begun", "_loop", "_work", "result")

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._begun = threading.Lock()
        """Held once somebody has taken the work, or taken it back."""
        self.result: asyncio.Future[T] = self._loop.create_future()

    def withdraw(self) -> bool:
        """Take the work back; False when it has begun."""
        return self._begun.acquire(blocking=False)

    def refuse(self, error: Exception) -> None:
        """Tell the loop that it cannot be done."""
        self._tell(self._fail, error)

    def carry_out(self) -> Callable[[], None]:
        """On a thread; then call what comes back, to tell the loop."""
        if self.result.cancelled() or not self._begun.acquire(blocking=False):
            return _say_nothing
        try:
            done = self._work()
        except BaseException as error:
            return partial(self._tell, self._fail, error)
        else:
            return partial(self._tell, self._end, done)

    def _tell(self, how: Callable[..., None], what: object) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits.
            self._loop.call_soon_threadsafe(how, what)

    def _end(self, done: T) -> None:
        if not self.result.done():
            self.result.set_result(done)

    def _fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)


def _say_nothing() -> None:
    """Of work that nobody wants any more."""


_Inbox = SimpleQueue[Job[object] | None]
"""What is given to one thread; None ends it."""


class Line:
    """The work of one pool of threads, or of several, which take turns.

    With `patience`, in seconds, one thread is at work at a time, beside those whose work has taken
    longer than that. Python runs one thread at a time anyway, and each call of SQLite gives the
    others their turn, if only for microseconds: threads that are at work together wait for each
    other at every statement. Fifty debates begun at once took a third more of the processor."""

    def __init__(self, patience: float = 0.0) -> None:
        self._patience = patience
        self._looks_on: asyncio.AbstractEventLoop | None = None
        """Where it will be looked whether what waits has waited for long."""
        self._lock = threading.Lock()
        """Around what follows, and what the pools know of their threads."""
        self._waiting: deque[Threads] = deque()
        """The pools that have work which waits; whose turn is next comes first."""
        self._at_work: dict[Job[object], float] = {}
        """When each was begun, on the monotonic clock; the last one is the last."""

    def add(self, pool: Threads, job: Job[object]) -> None:
        """On the event loop that the job belongs to."""
        with self._lock:
            pool.waiting.append(job)
            if pool not in self._waiting:
                self._waiting.append(pool)
        self._look()

    def after(self, done: Job[object], pool: Threads, inbox: _Inbox) -> None:
        """On a thread of the pool: it is free, and may have its next work at once."""
        with self._lock:
            del self._at_work[done]
            pool.set_free(inbox)
            self._begin_next()

    def leave_to(self, pool: Threads) -> dict[_Inbox, threading.Thread]:
        """Have the pool do all its work now, and give up its threads, which come back."""
        with self._lock:
            if pool in self._waiting:
                self._waiting.remove(pool)
            while pool.waiting:
                self._begin(pool)
            return pool.give_up_threads()

    def _look(self) -> None:
        """On the event loop: begin what may begin, and see to what has to wait."""
        with self._lock:
            self._begin_next()
            is_left, patience = bool(self._waiting), self._patience_left()
        loop = asyncio.get_running_loop()
        if is_left and self._patience and self._looks_on is not loop:
            self._looks_on = loop
            # Where there is none left, no pool that waits has a thread.
            loop.call_later(patience if patience > 0 else self._patience, self._look_again)

    def _look_again(self) -> None:
        self._looks_on = None
        self._look()

    # --- With the lock held --------------------------------------------------------------------

    def _begin_next(self) -> None:
        """Begin one, if it is time to, and a pool that waits has a thread for it."""
        if self._patience_left() > 0:
            return
        pool = next((pool for pool in self._waiting if pool.has_room), None)
        if pool is None:
            return
        self._waiting.remove(pool)
        self._begin(pool)
        if pool.waiting:
            self._waiting.append(pool)

    def _patience_left(self) -> float:
        """With what was begun last, seconds."""
        last_begun = next(reversed(self._at_work.values()), -math.inf)
        return last_begun + self._patience - time.monotonic()

    def _begin(self, pool: Threads) -> None:
        job = pool.waiting.popleft()
        self._at_work[job] = time.monotonic()
        try:
            pool.set_to_work(job)
        except RuntimeError as error:  # The system has no more threads for now.
            del self._at_work[job]
            job.refuse(error)  # It fails, and not whoever has come by.


@cache
def database_line() -> Line | None:
    """The line of all threads of this process that have work for its database; None where that is
    done by a server, and they wait for it."""
    return Line(PATIENCE_SECONDS) if connection.vendor == "sqlite" else None


class Threads:
    """At most so many threads, begun as they are needed. To be used on one event loop.

    Work goes to the thread that was free last: its caches, and those of its connections, are the
    warmest."""

    def __init__(
        self,
        most: int,
        *,
        name: str,
        at_end: Callable[[], None] = lambda: None,
        line: Line | None = None,
    ) -> None:
        """`at_end` is called on each thread when it ends. In a `line` of others, work waits for
        theirs."""
        self._most = most
        self._name = name
        self._at_end = at_end
        self._line = line or Line()
        self._threads: dict[_Inbox, threading.Thread] = {}
        self.free: list[_Inbox] = []
        self.waiting: deque[Job[object]] = deque()

    def submit(self, work: Callable[[], T]) -> Job[T]:
        """Have the work done on the next thread that is free."""
        job = Job(work)
        self._line.add(self, job)  # type: ignore[arg-type]
        return job

    def close(self) -> None:
        """Do what is queued, and end the threads. What comes later has others."""
        ending = self._line.leave_to(self)
        for inbox in ending:
            inbox.put(None)
        for thread in ending.values():
            thread.join()

    # --- For the line, which holds the lock meanwhile ------------------------------------------

    @property
    def has_room(self) -> bool:
        """Whether a thread is free, or one more can be begun."""
        return bool(self.free) or len(self._threads) < self._most

    def set_to_work(self, job: Job[object]) -> None:
        if self.free:
            self.free.pop().put(job)
        elif len(self._threads) < self._most:
            self._begin_one().put(job)
        else:
            min(self._threads, key=SimpleQueue.qsize).put(job)

    def set_free(self, inbox: _Inbox) -> None:
        if inbox in self._threads:  # Otherwise it is about to end.
            self.free.append(inbox)

    def give_up_threads(self) -> dict[_Inbox, threading.Thread]:
        given, self._threads = self._threads, {}
        self.free.clear()
        return given

    def _begin_one(self) -> _Inbox:
        inbox: _Inbox = SimpleQueue()
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True)
        thread.start()
        self._threads[inbox] = thread
        return inbox

    def _work(self, inbox: _Inbox) -> None:
        while (job := inbox.get()) is not None:
            tell = job.carry_out()
            # Free before anybody hears of it: they may have more to do at once.
            self._line.after(job, self, inbox)
            tell()
            del job, tell  # What they hold would stay until the next one comes.
        self._at_end()
