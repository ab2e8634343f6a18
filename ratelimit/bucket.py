"""The token bucket. Pure: time is passed in, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """So many in so many seconds on the long run, and `burst` at once."""

    count: float
    seconds: float
    burst: int

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


class TokenBucket:
    """Holds somebody to a pace; full at first."""

    __slots__ = ("_filled_at", "_pace", "_tokens")

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._tokens = float(pace.burst)
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Whether one more is within the pace; if so, it counts."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait(self, now: float) -> float:
        """Seconds until the next one is within the pace; nought when it is now."""
        self._fill(now)
        return max(0.0, (1 - self._tokens) / self._pace.per_second)

    def _fill(self, now: float) -> None:
        # A clock that was put back gives nothing, and takes nothing away.
        elapsed = max(0.0, now - self._filled_at)
        self._tokens = min(self._pace.burst, self._tokens + elapsed * self._pace.per_second)
        self._filled_at = now
