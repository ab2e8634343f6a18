"""The tiers' rules: bounds, expiry, order and moves, whatever comes in which order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import tiers
from memory.tiers import DEFAULT_LIMITS, ORDER, Kept, Limits, NoRoom, Tier

START = datetime(2026, 1, 1, tzinfo=UTC)
TIGHT = {
    tier: Limits(limits.lifetime, 100 * (place + 1))
    for place, (tier, limits) in enumerate(DEFAULT_LIMITS.items())
}

shares = st.floats(0.0, 1.0)
moments = st.integers(0, 3600).map(lambda seconds: START + timedelta(seconds=seconds))
entries = st.builds(
    Kept,
    id=st.integers(1, 10_000),
    tier=st.sampled_from(Tier),
    size=st.integers(1, 120),
    importance=shares,
    uses=st.integers(0, 50),
    last_used_at=moments,
    surprise=shares,
    falls=st.integers(0, 9),
    pinned=st.booleans(),
)


def test_the_defaults_are_those_of_the_guide() -> None:
    told = {
        tier.value: (limits.lifetime, limits.max_bytes) for tier, limits in DEFAULT_LIMITS.items()
    }
    assert told == {
        "fast": (timedelta(minutes=1), 10 * 1024),
        "medium": (timedelta(hours=1), 100 * 1024),
        "slow": (timedelta(days=1), 1024**2),
        "glacial": (timedelta(weeks=1), 10 * 1024**2),
    }


# --- A scope under whatever its writers do -----------------------------------------------------


@dataclass
class Scope:
    """The rules at work on entries that are kept in a list."""

    now: datetime = START
    kept: dict[int, Kept] = field(default_factory=dict)
    promotions: dict[int, int] = field(default_factory=dict)
    uses: dict[int, int] = field(default_factory=dict)

    def live(self, tier: Tier) -> list[Kept]:
        found = [entry for entry in self.kept.values() if entry.tier is tier]
        alive = [entry for entry in found if not tiers.is_expired(entry, TIGHT[tier], self.now)]
        return sorted(alive, key=lambda entry: tiers.precedence(entry, TIGHT[tier]))

    def put(self, entry: Kept) -> bool:
        """As the service does it: expired entries go first, then the least valuable."""
        limits, there = TIGHT[entry.tier], self.live(entry.tier)
        self.kept = {
            key: one for key, one in self.kept.items() if one.tier is not entry.tier or one in there
        }
        try:
            leaving = tiers.make_room(
                there, incoming=entry, occupied=sum(one.size for one in there), limits=limits
            )
        except NoRoom:
            return False
        for one in leaving:
            del self.kept[one.id]
            lower = tiers.demotion(one, TIGHT, self.now)
            if lower is not None:
                self.put(replace(one, tier=lower, falls=one.falls + 1, uses=0))
        self.kept[entry.id] = entry
        return True

    def use(self, key: int) -> None:
        entry = self.kept[key]
        if tiers.is_expired(entry, TIGHT[entry.tier], self.now):
            return
        self.uses[key] = self.uses.get(key, 0) + 1
        entry = self.kept[key] = replace(entry, uses=entry.uses + 1, last_used_at=self.now)
        earned = tiers.promotion(entry)
        if earned is None:
            return
        del self.kept[key]
        if self.put(replace(entry, tier=earned.tier, uses=0)):
            self.promotions[key] = self.promotions.get(key, 0) + 1
        else:
            self.kept[key] = entry


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(Tier), st.integers(1, 130), shares),
        st.tuples(st.just("use"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(1, 4000)),
    ),
    max_size=60,
)


@given(steps)
def test_no_tier_exceeds_its_bytes_and_every_rise_is_earned(what: list[tuple]) -> None:  # type: ignore[type-arg]
    scope, number = Scope(), 0
    for kind, *details in what:
        if kind == "put":
            tier, size, importance = details
            number += 1
            scope.put(Kept(number, tier, size, importance, 0, scope.now))
        elif kind == "wait":
            scope.now += timedelta(seconds=details[0])
        elif scope.kept:
            scope.use(sorted(scope.kept)[details[0] % len(scope.kept)])
        for tier, limits in TIGHT.items():
            there = [entry for entry in scope.kept.values() if entry.tier is tier]
            assert sum(entry.size for entry in there) <= limits.max_bytes
            assert all(
                tiers.value(
                    importance=entry.importance,
                    uses=entry.uses,
                    idle=scope.now - entry.last_used_at,
                    limits=limits,
                )
                > 0
                for entry in scope.live(tier)
            )
    # Nothing goes up and down for nothing: each rise was paid for with as many uses.
    for key, count in scope.promotions.items():
        assert count * tiers.USES_TO_RISE <= scope.uses[key]


# --- Value and order ---------------------------------------------------------------------------


@given(entries, entries, st.integers(0, 86_400))
def test_the_order_of_value_is_the_stored_order_at_every_moment(
    one: Kept, other: Kept, later: int
) -> None:
    limits = Limits(timedelta(days=2), 1000)
    now = START + timedelta(seconds=3600 + later)
    figures = [
        (
            tiers.standing(
                importance=e.importance, uses=e.uses, last_used_at=e.last_used_at, limits=limits
            ),
            tiers.value(
                importance=e.importance, uses=e.uses, idle=now - e.last_used_at, limits=limits
            ),
        )
        for e in (one, other)
    ]
    (first, first_value), (second, second_value) = figures
    if first - second > 1e-6:
        assert first_value > second_value


@given(st.lists(entries, max_size=20, unique_by=lambda entry: entry.id))
def test_precedence_is_a_total_order(some: list[Kept]) -> None:
    limits = DEFAULT_LIMITS[Tier.SLOW]
    ordered = sorted(some, key=lambda entry: tiers.precedence(entry, limits))
    for one, other in pairwise(ordered):
        assert tiers.precedence(one, limits) < tiers.precedence(other, limits)
    backwards = list(reversed(some))
    assert ordered == sorted(backwards, key=lambda entry: tiers.precedence(entry, limits))


@given(shares, st.integers(0, 100), st.sampled_from(Tier), shares)
def test_value_grows_with_each_part_and_ends_with_the_lifetime(
    importance: float, uses: int, tier: Tier, share: float
) -> None:
    limits = DEFAULT_LIMITS[tier]
    idle = limits.lifetime * share * 0.99
    at = tiers.value(importance=importance, uses=uses, idle=idle, limits=limits)
    assert at > 0
    assert tiers.value(importance=importance, uses=uses + 1, idle=idle, limits=limits) > at
    assert (
        tiers.value(importance=min(1.0, importance + 0.1), uses=uses, idle=idle, limits=limits)
        >= at
    )
    assert tiers.value(importance=importance, uses=uses, idle=idle * 0.5, limits=limits) >= at
    assert tiers.value(importance=importance, uses=uses, idle=limits.lifetime, limits=limits) == 0


@given(entries)
def test_what_expires_is_what_is_worth_nothing(entry: Kept) -> None:
    limits = DEFAULT_LIMITS[entry.tier]
    for now in (entry.last_used_at + limits.lifetime * share for share in (0.5, 1, 2)):
        worth = tiers.value(
            importance=entry.importance,
            uses=entry.uses,
            idle=now - entry.last_used_at,
            limits=limits,
            pinned=entry.pinned,
        )
        assert tiers.is_expired(entry, limits, now) == (worth == 0)


# --- Moves -------------------------------------------------------------------------------------


@given(entries, st.integers(0, 500))
def test_promotion_is_monotonic_in_use(entry: Kept, more: int) -> None:
    if tiers.promotion(entry) is not None:
        assert tiers.promotion(replace(entry, uses=entry.uses + more)) is not None


@given(entries)
def test_what_fell_needs_more_uses_than_before_to_rise_again(entry: Kept) -> None:
    fallen = replace(entry, falls=entry.falls + 1, uses=0)
    assert tiers.promotion(fallen) is None
    assert tiers.uses_to_rise(fallen.falls) >= tiers.uses_to_rise(entry.falls) >= tiers.USES_TO_RISE


def test_a_surprise_rises_at_once_and_only_once() -> None:
    entry = Kept(1, Tier.MEDIUM, 10, 0.5, 0, START, surprise=0.8)
    earned = tiers.promotion(entry)
    assert earned is not None
    assert earned.tier is Tier.SLOW
    assert tiers.promotion(replace(entry, falls=1)) is None
    assert tiers.promotion(replace(entry, tier=ORDER[-1])) is None


@given(entries, st.integers(0, 90_000))
def test_what_falls_would_live_where_it_falls_to(entry: Kept, seconds: int) -> None:
    now = entry.last_used_at + timedelta(seconds=seconds)
    lower = tiers.demotion(entry, DEFAULT_LIMITS, now)
    if lower is not None:
        assert ORDER.index(lower) == ORDER.index(entry.tier) - 1
        assert seconds < DEFAULT_LIMITS[lower].lifetime.total_seconds()


def test_the_more_valuable_is_never_evicted_for_the_less() -> None:
    limits = Limits(timedelta(hours=1), 100)
    valuable = Kept(1, Tier.MEDIUM, 80, 0.9, 3, START)
    with pytest.raises(NoRoom):
        tiers.make_room(
            [valuable], incoming=Kept(2, Tier.MEDIUM, 40, 0.1, 0, START), occupied=80, limits=limits
        )
    with pytest.raises(NoRoom) as refused:
        tiers.make_room(
            [], incoming=Kept(2, Tier.MEDIUM, 101, 1.0, 0, START), occupied=0, limits=limits
        )
    assert refused.value.too_large
    better = Kept(2, Tier.MEDIUM, 40, 1.0, 9, START)
    assert tiers.make_room([valuable], incoming=better, occupied=80, limits=limits) == [valuable]


# --- What was measured -------------------------------------------------------------------------


@given(shares, shares)
def test_agreement_and_margin_make_a_decision_important(agreement: float, margin: float) -> None:
    def figure(**how: bool) -> float:
        return tiers.importance_of_decision(agreement=agreement, margin=margin, **how)

    firm = figure(reached=True, hollow=False)
    assert 0 < figure(reached=False, hollow=False) < firm <= 1
    assert figure(reached=True, hollow=True) < firm


def test_margin_and_surprise() -> None:
    assert tiers.margin_of([3, 1, 0]) == pytest.approx(0.5)
    assert tiers.margin_of([2, 2]) == 0
    assert tiers.margin_of([]) == 0
    assert tiers.surprise(confidence=0.9, came_true=False) == pytest.approx(0.9)
    assert tiers.surprise(confidence=0.9, came_true=True) == pytest.approx(0.1)
