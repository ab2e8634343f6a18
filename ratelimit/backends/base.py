"""What a store of buckets does. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ratelimit.gcra import Pace, Standing, standing

REMEMBERED_SECONDS = 60
"""How long a store tells that somebody was refused."""
MAX_REMEMBERED = 1000
"""Of how many it does; those who were refused longest ago leave."""


class Ask(NamedTuple):
    """What a call takes from one bucket."""

    name: str
    pace: Pace
    cost: int = 1
    policy: str = ""
    """What callers know the limit by."""


class Taken(NamedTuple):
    """What became of a call."""

    allowed: bool
    now: int
    full_at: tuple[int, ...]
    """When each of the buckets is full again, in the order that they were asked in."""

    def standings(self, asks: Sequence[Ask]) -> list[Standing]:
        return [
            standing(ask.pace, full_at, self.now)
            for ask, full_at in zip(asks, self.full_at, strict=True)
        ]


class Limited(NamedTuple):
    """A bucket that refused somebody lately."""

    name: str
    refused_ago: float
    """Seconds since it last did."""
    full_in: float
    """Seconds until it is full; 0 when nothing holds its owner any more."""


class Buckets(Protocol):
    """A store of buckets by name. Raises `Unavailable` when it cannot be reached."""

    def take(self, asks: Sequence[Ask]) -> Taken:
        """Take from all of them, or, where one does not allow it, from none."""

    def give_back(self, asks: Sequence[Ask]) -> None:
        """Undo what was taken from them."""

    def limited(self) -> list[Limited]:
        """Who was refused in the last minute, the latest first."""

    def lift(self, name: str) -> None:
        """Fill a bucket."""


class Unavailable(Exception):
    """The store does not answer. The text says why, for a log."""
