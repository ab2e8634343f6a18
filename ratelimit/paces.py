"""A pace for each of many, in this process. Pure: time is passed in, in seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ratelimit.bucket import Pace, TokenBucket

MAX_REMEMBERED = 10_000


class Paces:
    """Buckets by name; callable from any thread. Who has been quiet for longest is forgotten first
    when there are too many."""

    def __init__(self, pace: Pace, *, remembered: int = MAX_REMEMBERED) -> None:
        self._pace = pace
        self._remembered = remembered
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, now: float) -> float:
        """Nought when one more of `name` is within the pace, and then it counts; otherwise the
        seconds until the next one is."""
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is None:
                bucket = self._buckets[name] = TokenBucket(self._pace, now)
                if len(self._buckets) > self._remembered:
                    self._buckets.popitem(last=False)
            self._buckets.move_to_end(name)
            return 0.0 if bucket.take(now) else bucket.wait(now)

    def forget(self) -> None:
        """Begin anew with everybody."""
        with self._lock:
            self._buckets.clear()
