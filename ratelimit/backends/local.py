"""Buckets in the memory of this process. Pure: the clock is passed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ratelimit.backends.base import (
    MAX_REMEMBERED,
    REMEMBERED_SECONDS,
    Ask,
    Limited,
    Taken,
)
from ratelimit.gcra import SECOND, arrive

MAX_BUCKETS = 1_000_000


def monotonic() -> int:
    """Microseconds, from whenever."""
    return time.monotonic_ns() // 1000


class LocalBuckets:
    """Callable from any thread.

    Buckets live in two generations. What is used moves to the young one; when that is as old as
    the deepest bucket takes to fill, it becomes the old one, and the old one, in which everything
    is full by now, is dropped. So forgetting changes nothing, costs nothing and needs no timer.
    Only when there are more than `most` buckets does a generation end early: then those that were
    quiet for longest are forgotten while they may not be full."""

    def __init__(self, *, clock: Callable[[], int] = monotonic, most: int = MAX_BUCKETS) -> None:
        self._clock = clock
        self._most_young = max(1, most // 2)
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._born = clock()
        self._deepest = 0
        self._refused: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, asks: Sequence[Ask], *, now: int | None = None) -> Taken:
        """`now` is the clock's, unless it is given."""
        with self._lock:
            now = self._clock() if now is None else now
            before, after, refused = [], [], []
            for name, pace, cost, _ in asks:
                full_at = self._find(name)
                then = arrive(pace, full_at, now, cost)
                before.append(full_at)
                if then is None:
                    refused.append(name)
                else:
                    after.append(then)
            if refused:
                self._note(refused, now)
                return Taken(False, now, tuple(before))
            self._store(asks, after, now)
            return Taken(True, now, tuple(after))

    def give_back(self, asks: Sequence[Ask]) -> None:
        with self._lock:
            for name, pace, cost, _ in asks:
                full_at = self._find(name)
                if full_at:
                    self._young[name] = full_at - cost * pace.interval

    def adopt(self, asks: Sequence[Ask], taken: Taken) -> None:
        """Know what another store, with a clock of its own, knows of these buckets."""
        with self._lock:
            now = self._clock()
            self._store(asks, [now + full_at - taken.now for full_at in taken.full_at], now)

    def limited(self) -> list[Limited]:
        with self._lock:
            now = self._clock()
            found = [
                Limited(
                    name,
                    refused_ago=(now - at) / SECOND,
                    full_in=max(0, self._find(name) - now) / SECOND,
                )
                for name, at in self._refused.items()
                if now - at <= REMEMBERED_SECONDS * SECOND
            ]
        return found[::-1]

    def lift(self, name: str) -> None:
        with self._lock:
            for known in (self._young, self._old, self._refused):
                known.pop(name, None)

    def forget(self) -> None:
        """Begin anew with everybody."""
        with self._lock:
            for known in (self._young, self._old, self._refused):
                known.clear()

    # --- Under the lock ------------------------------------------------------------------------

    def _find(self, name: str) -> int:
        full_at = self._young.get(name)
        if full_at is None:
            full_at = self._old.get(name, 0)
            if full_at:  # Who comes back, also to be refused, is not quiet.
                self._young[name] = full_at
        return full_at

    def _store(self, asks: Sequence[Ask], full_at: Sequence[int], now: int) -> None:
        for ask, then in zip(asks, full_at, strict=True):
            self._young[ask.name] = then
            self._deepest = max(self._deepest, ask.pace.depth)
        if len(self._young) >= self._most_young or now - self._born > self._deepest:
            self._young, self._old = {}, self._young
            self._born = now

    def _note(self, names: Sequence[str], now: int) -> None:
        for name in names:
            self._refused.pop(name, None)
            self._refused[name] = now
        while len(self._refused) > MAX_REMEMBERED:
            del self._refused[next(iter(self._refused))]
