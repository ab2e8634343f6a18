"""The four tiers of memory and the rules by which entries move. Pure: no Django.

- A tier holds so many bytes for each scope, and an entry for so long after its last use.
- Value = importance × recency × use. The least valuable entry leaves first.
- An entry that is used in enough debates, or that turns out to be surprising, moves to the next
  slower tier. One that has to leave a tier for want of room moves to the next faster tier if it
  would still live there and is worth it, else out. Whoever fell once needs twice the uses to rise
  again, so nothing moves back and forth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

KILOBYTE = 1024
HALF_LIVES = 4
"""An entry loses half of its recency this many times before it expires."""
LEAST_IMPORTANCE = 0.01
"""What counts for less counts as this, so that recency and use still order it."""
USES_TO_RISE = 3
"""In how many debates an entry has to be used in its tier before it moves to a slower one."""
MOST_FALLS_COUNTED = 4
SURPRISING = 0.5
"""From here on an outcome contradicts what was held before."""
PINNED_SHARE = 0.5
"""Of a tier's bytes, what pinned entries may take, so that there is always room for others."""


class Tier(StrEnum):
    """From the shortest-lived to the longest."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"
    GLACIAL = "glacial"


ORDER = tuple(Tier)


class Move(StrEnum):
    """What happens to an entry; every one is an event with its reason."""

    STORED = "stored"
    PROMOTED = "promoted"
    DEMOTED = "demoted"
    EVICTED = "evicted"
    EXPIRED = "expired"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one tier, for each scope."""

    lifetime: timedelta
    max_bytes: int

    @property
    def half_life_seconds(self) -> float:
        """The idle time after which an entry is half as recent."""
        return self.lifetime.total_seconds() / HALF_LIVES


DEFAULT_LIMITS: Mapping[Tier, Limits] = {
    Tier.FAST: Limits(timedelta(minutes=1), 10 * KILOBYTE),
    Tier.MEDIUM: Limits(timedelta(hours=1), 100 * KILOBYTE),
    Tier.SLOW: Limits(timedelta(days=1), 1024 * KILOBYTE),
    Tier.GLACIAL: Limits(timedelta(weeks=1), 10 * 1024 * KILOBYTE),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry, as far as the rules care."""

    id: int
    tier: Tier
    size: int
    """UTF-8 bytes of its content."""
    importance: float
    uses: int
    """Debates that it was used in, since it came to this tier."""
    last_used_at: datetime
    surprise: float = 0.0
    falls: int = 0
    """How often it had to move to a faster tier."""
    pinned: bool = False


# --- Value -------------------------------------------------------------------------------------


def value(
    *, importance: float, uses: int, idle: timedelta, limits: Limits, pinned: bool = False
) -> float:
    """Importance × recency × use; 0 for what has expired.

    Recency halves `HALF_LIVES` times over the lifetime; use is 1 for an entry that nobody has used
    and grows with the logarithm. `idle` is the time since the last use. What is pinned does not
    grow old."""
    if pinned:
        idle = timedelta()
    if idle >= limits.lifetime:
        return 0.0
    recency = math.exp2(-max(idle.total_seconds(), 0.0) / limits.half_life_seconds)
    return max(importance, LEAST_IMPORTANCE) * recency * _use(uses)


def standing(*, importance: float, uses: int, last_used_at: datetime, limits: Limits) -> float:
    """The order of `value` among the entries of a tier, as a figure that does not change while
    time passes, so that an index can keep it: log2 of the value, but for a term that is the same
    for all of them at any moment."""
    worth = math.log2(max(importance, LEAST_IMPORTANCE) * _use(uses))
    return worth + last_used_at.timestamp() / limits.half_life_seconds


def _use(uses: int) -> float:
    return 1.0 + math.log2(1 + max(uses, 0))


def precedence(entry: Kept, limits: Limits) -> tuple[bool, float, int]:
    """A total order of the entries of a tier: the first leaves first. Of equals the older."""
    figure = standing(
        importance=entry.importance,
        uses=entry.uses,
        last_used_at=entry.last_used_at,
        limits=limits,
    )
    return entry.pinned, figure, entry.id


# --- Time --------------------------------------------------------------------------------------


def expires_at(*, last_used_at: datetime, limits: Limits, pinned: bool = False) -> datetime | None:
    """When an entry is no longer returned; None for what is pinned."""
    return None if pinned else last_used_at + limits.lifetime


def is_expired(entry: Kept, limits: Limits, now: datetime) -> bool:
    end = expires_at(last_used_at=entry.last_used_at, limits=limits, pinned=entry.pinned)
    return end is not None and end <= now


# --- Room --------------------------------------------------------------------------------------


class NoRoom(Exception):
    """What there is, is worth more than what was to come in, or it is too large."""

    def __init__(self, *, too_large: bool = False) -> None:
        super().__init__("too large" if too_large else "no room")
        self.too_large = too_large


def make_room(
    entries: Iterable[Kept], *, incoming: Kept, occupied: int, limits: Limits
) -> list[Kept]:
    """The entries that have to leave for `incoming`, the least valuable first.

    `entries` come in the order of `precedence`, as far as they are looked at; `occupied` are the
    bytes of all of them. Raises `NoRoom` when something that is worth more would have to go."""
    if incoming.size > limits.max_bytes:
        raise NoRoom(too_large=True)
    leaving: list[Kept] = []
    rank = precedence(incoming, limits)[:2]
    for entry in entries:
        if occupied + incoming.size <= limits.max_bytes:
            break
        if entry.pinned or precedence(entry, limits)[:2] > rank:
            raise NoRoom
        leaving.append(entry)
        occupied -= entry.size
    if occupied + incoming.size > limits.max_bytes:
        raise NoRoom
    return leaving


def may_pin(*, pinned_bytes: int, size: int, limits: Limits) -> bool:
    """Whether one more entry may stay for good."""
    return pinned_bytes + size <= limits.max_bytes * PINNED_SHARE


# --- Moves -------------------------------------------------------------------------------------


def slower(tier: Tier) -> Tier | None:
    place = ORDER.index(tier)
    return ORDER[place + 1] if place + 1 < len(ORDER) else None


def faster(tier: Tier) -> Tier | None:
    place = ORDER.index(tier)
    return ORDER[place - 1] if place else None


def uses_to_rise(falls: int) -> int:
    """In how many debates an entry has to be used that fell so often."""
    return int(USES_TO_RISE * 2 ** min(falls, MOST_FALLS_COUNTED))


@dataclass(frozen=True, slots=True)
class Promotion:
    """That an entry has earned a slower tier, and why."""

    tier: Tier
    reason: str


def promotion(entry: Kept) -> Promotion | None:
    """Where the entry has earned to go. Monotonic in use: more uses never earn less."""
    tier = slower(entry.tier)
    if tier is None:
        return None
    if entry.surprise >= SURPRISING and not entry.falls:
        return Promotion(tier, "the outcome contradicted what was held before")
    needed = uses_to_rise(entry.falls)
    if entry.uses >= needed:
        return Promotion(tier, f"used in {entry.uses} debates")
    return None


def demotion(entry: Kept, limits: Mapping[Tier, Limits], now: datetime) -> Tier | None:
    """Where an entry goes that has to leave its tier for want of room; None for out."""
    tier = faster(entry.tier)
    if tier is None or entry.size > limits[tier].max_bytes:
        return None
    moved = replace(entry, tier=tier, pinned=False)
    return None if is_expired(moved, limits[tier], now) else tier


def surprise(*, confidence: float, came_true: bool) -> float:
    """How far an outcome lies from what was held before, from 0 to 1: the probability that was
    given to what did not happen."""
    return 1.0 - confidence if came_true else confidence


# --- Importance --------------------------------------------------------------------------------


def importance_of_decision(
    *, agreement: float, margin: float, reached: bool, hollow: bool
) -> float:
    """Of a decision, from 0 to 1, from what was measured: the share behind it, and how far it
    led. What was not reached, or rests on changes without reasons, counts for less."""
    figure = 0.4 + 0.3 * _unit(agreement) + 0.3 * _unit(margin)
    if not reached:
        figure *= 0.5
    return round(figure * (0.6 if hollow else 1.0), 4)


def importance_of_dissent(*, agreement: float) -> float:
    """Of a view that lost: the more stood behind it, the more it may matter later."""
    return round(0.3 + 0.4 * (1.0 - _unit(agreement)), 4)


def margin_of(points: Sequence[float]) -> float:
    """How far the first lies before the second, as a share of all points, from 0 to 1."""
    ordered = sorted((point for point in points if point > 0), reverse=True)
    if not ordered:
        return 0.0
    second = ordered[1] if len(ordered) > 1 else 0.0
    return (ordered[0] - second) / math.fsum(ordered)


def _unit(figure: float) -> float:
    return min(max(figure, 0.0), 1.0)
