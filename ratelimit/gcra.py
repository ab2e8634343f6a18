"""The arithmetic of the limiter: the generic cell rate algorithm. Pure; time is passed in.

It is the virtual scheduling form of ITU-T Recommendation I.371, Annex A: a bucket is one number,
the theoretical arrival time, here called `full_at`: the moment at which it is full again. A call of
cost c that comes at t moves it to

    then = max(t, full_at) + c × interval        interval = seconds / count

and conforms when `then - t <= depth`, with `depth = burst × interval`. A call that does not conform
moves nothing. This is a token bucket that holds `burst` and gains one every `interval`.

What follows, for any pattern of calls on a clock that does not run backwards:

- In any span of w seconds, calls worth at most `burst + w / interval` pass: the first moves
  `full_at` to at least its own time plus its cost, each further one adds its cost, and the last may
  not bring it beyond its own time plus `depth`.
- Nobody starves: a call that is refused passes after `wait`, if nothing else passes meanwhile.
  Refused calls delay nobody, not even who made them.

Times are whole microseconds: sums are exact, so that Python and Lua (whose numbers are doubles)
come to the same result. The interval is rounded up, which never gives more than the pace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1_000_000
"""In microseconds."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`count` in `seconds` on the long run, and `burst` at once."""

    count: int
    seconds: int
    burst: int
    interval: int = field(init=False)
    """Microseconds until a bucket that was used holds one more."""
    depth: int = field(init=False)
    """Microseconds until a bucket that is empty is full."""

    def __post_init__(self) -> None:
        if min(self.count, self.seconds, self.burst) < 1:
            raise ValueError("A pace is made of whole numbers from 1 up.")
        object.__setattr__(self, "interval", -(-self.seconds * SECOND // self.count))
        object.__setattr__(self, "depth", self.burst * self.interval)


def arrive(pace: Pace, full_at: int, now: int, cost: int = 1) -> int | None:
    """When the bucket is full again once this call has passed; None when it does not pass.

    `full_at` is 0 for a bucket that was never used."""
    after = backlog(pace, full_at, now) + cost * pace.interval
    return now + after if after <= pace.depth else None


def backlog(pace: Pace, full_at: int, now: int) -> int:
    """Microseconds until the bucket is full; at most its depth.

    By this clock it cannot be more. Where it is, the clock was put back or the pace was changed: a
    little more is taken for an empty bucket, much more for one that was never used. So a clock that
    jumps holds nobody up for longer than the depth."""
    ahead = full_at - now
    if ahead <= 0:
        return 0
    if ahead <= pace.depth:
        return ahead
    return pace.depth if ahead <= 2 * pace.depth else 0


class Standing(NamedTuple):
    """How full a bucket is."""

    pace: Pace
    backlog: int
    """Microseconds until it is full."""

    @property
    def remaining(self) -> int:
        """How many may come at once."""
        return (self.pace.depth - self.backlog) // self.pace.interval

    def wait(self, cost: int = 1) -> int:
        """Microseconds until a call of this cost passes; 0 when it would now."""
        return max(0, self.backlog + cost * self.pace.interval - self.pace.depth)

    @property
    def until_more(self) -> int:
        """Microseconds until `remaining` is one more; 0 when it is full."""
        return self.wait(self.remaining + 1) if self.backlog else 0


def standing(pace: Pace, full_at: int, now: int) -> Standing:
    return Standing(pace, backlog(pace, full_at, now))
