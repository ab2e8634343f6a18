"""The read replica: which queries go to it, and whether it may be asked.

Only a selector that says so (`@analytics`) reads the replica: what counts over many rows, and
whose reader does not expect to find in it what they wrote a moment ago. Everything else reads the
primary.

Whether the replica may be asked is found out beside the requests, which never wait for it. It may
while what it has was the primary's state at most `ARAGORA_REPLICA_MAX_LAG` seconds ago. That is
measured by positions in the write-ahead log: the primary's are remembered with the time at which
they were read, and the replica is as fresh as the newest of these that it has replayed. So a
replica that has lost its primary grows old, however much it believes that it has everything.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, connections

from aragora_site.outages import may_succeed_later

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

REPLICA_ALIAS = "replica"
CHECK_SECONDS = 0.5
"""How long an answer is good enough not to ask again."""
SAMPLES = 4096
TOO_LATE = "it is too far behind"

_reading: ContextVar[bool] = ContextVar("reading_replica", default=False)


class Freshness:
    """How old the replica's state is. Pure arithmetic on positions and times."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, float]] = deque(maxlen=SAMPLES)
        self._fresh_at: float | None = None
        self._primary = 0

    def primary_was_at(self, position: int, at: float) -> None:
        """The primary's position in its log, read at a time in seconds."""
        if position < self._primary:
            self.forget()  # Another primary, whose positions mean something else.
        self._primary = position
        self._samples.append((position, at))

    def replica_was_at(self, position: int) -> None:
        """The position that the replica has replayed."""
        while self._samples and self._samples[0][0] <= position:
            self._fresh_at = self._samples.popleft()[1]

    def forget(self) -> None:
        self._samples.clear()
        self._fresh_at = None

    def is_late(self, now: float, bound: float) -> bool:
        """Whether it is known to be older than `bound`, or has not been fresh for as long."""
        since = self._fresh_at
        if since is None and self._samples:
            since = self._samples[0][1]
        return since is not None and now - since > bound

    def age(self, now: float) -> float | None:
        """Seconds that the replica's state is old at most; None when that is not known."""
        return None if self._fresh_at is None else now - self._fresh_at


class Replica:
    """What this process knows of the replica. Any thread may ask."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._freshness = Freshness()
        self._checker = ThreadPoolExecutor(1, thread_name_prefix="replica")
        self._places = threading.BoundedSemaphore(max(1, settings.ARAGORA.web_threads // 2))
        self._check: Future[None] | None = None
        self._checked_at = float("-inf")
        self._told = ""
        """Why it is not asked, as it stands in the log; empty while it is."""

    @property
    def is_configured(self) -> bool:
        return REPLICA_ALIAS in settings.DATABASES

    @property
    def trouble(self) -> str:
        """Why it is not asked; empty while it is, and before it was looked at."""
        self.is_usable()
        with self._lock:
            return self._told

    def is_usable(self) -> bool:
        """Whether to ask the replica now. Never waits."""
        if not self.is_configured:
            return False
        bound = settings.ARAGORA.replica_max_lag
        with self._lock:
            now = self._clock()
            idle = self._check is None or self._check.done()
            if idle and now - self._checked_at >= CHECK_SECONDS:
                self._check = self._checker.submit(self._look)
            age = self._freshness.age(now)
            late = self._freshness.is_late(now, bound)
        if late:  # Said here, because a check may hang with the replica.
            self._tell(TOO_LATE)
        return age is not None and age <= bound

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Whether the caller may read the replica now, and a place to do so. A replica that hangs
        holds as many threads as there are places, and the others answer."""
        if not self.is_usable() or not self._places.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self._places.release()

    def failed(self, error: BaseException) -> None:
        """A query on the replica came to nothing: it is not asked until a check succeeds."""
        with self._lock:
            self._freshness.forget()
        self._tell(f"it cannot be asked ({type(error).__name__})")

    # --- Checks, on a thread of their own -------------------------------------------------------

    def _look(self) -> None:
        at = self._clock()
        try:
            primary = _position(DEFAULT_DB_ALIAS, "pg_current_wal_lsn()")
        except DatabaseError:
            primary = None  # Whoever needs it says so.
        try:
            replica = _position(REPLICA_ALIAS, "pg_last_wal_replay_lsn()")
        except DatabaseError as error:
            self.failed(error)
        else:
            self._compare(primary, at, replica)
        finally:
            with self._lock:
                self._checked_at = self._clock()

    def _compare(self, primary: int | None, at: float, replica: int | None) -> None:
        if replica is None:
            with self._lock:
                self._freshness.forget()
            self._tell("it follows no primary")
            return
        with self._lock:
            if primary is not None:
                self._freshness.primary_was_at(primary, at)
            self._freshness.replica_was_at(replica)
            age = self._freshness.age(self._clock())
        if age is not None and age <= settings.ARAGORA.replica_max_lag:
            self._tell("")

    def _tell(self, reason: str) -> None:
        """One line when it is given up, and one when it is asked again."""
        with self._lock:
            before, self._told = self._told, reason
        if reason and not before:
            log.warning("replica_not_used", reason=reason, consequence="the primary answers")
        elif before and not reason:
            log.info("replica_used")


def _position(alias: str, function: str) -> int | None:
    """Where the database is in its log, in bytes; None when it is no standby."""
    connection = connections[alias]
    try:
        with connection.cursor() as cursor:
            # Only a standby has replayed anything; one that was promoted goes its own way.
            cursor.execute(
                f"SELECT CASE WHEN pg_is_in_recovery() = %s THEN {function} - '0/0'::pg_lsn END",
                [alias == REPLICA_ALIAS],
            )
            (position,) = cursor.fetchone()
            return None if position is None else int(position)
    finally:
        connection.close()


replica = Replica()


def analytics(selector: Callable[P, T]) -> Callable[P, T]:
    """Have a selector read the replica while that is there and fresh, otherwise the primary.

    The selector must evaluate its queries itself: what it returns lazily is read from the primary.
    It may be called a second time, when the replica fails under it. Within a transaction it reads
    the primary, whose own writes it must see."""

    @functools.wraps(selector)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        if connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return selector(*args, **kwargs)
        with replica.place() as granted:
            if granted:
                try:
                    with _on_replica():
                        return selector(*args, **kwargs)
                except Error as error:
                    if not may_succeed_later(error):
                        raise
                    replica.failed(error)
        return selector(*args, **kwargs)

    return read


@contextmanager
def _on_replica() -> Iterator[None]:
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


class ReplicaRouter:
    """Sends the queries of an `@analytics` selector to the replica. Nothing is written there."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return REPLICA_ALIAS if _reading.get() else None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool | None:
        """Both are the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == REPLICA_ALIAS else None
