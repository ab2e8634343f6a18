"""Nobody gets more than the burst and the pace allow, and everybody gets that much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.bucket import Pace, TokenBucket
from ratelimit.paces import Paces

PACE = Pace(count=10, seconds=60, burst=5)
pauses = st.lists(st.floats(0, 30), max_size=60)


@given(pauses)
def test_no_span_holds_more_than_the_pace(gaps: list[float]) -> None:
    bucket, now, taken = TokenBucket(PACE, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        if bucket.take(now):
            taken.append(now)
    for first, begin in enumerate(taken):
        for last in range(first, len(taken)):
            allowed = PACE.burst + (taken[last] - begin) * PACE.per_second
            assert last - first + 1 <= allowed + 1e-6


@given(pauses)
def test_whoever_waits_as_long_as_told_is_let_through(gaps: list[float]) -> None:
    bucket, now = TokenBucket(PACE, 0.0), 0.0
    for gap in gaps:
        now += gap
        if not bucket.take(now):
            wait = bucket.wait(now)
            assert 0 < wait <= 1 / PACE.per_second
            now += wait + 1e-6
            assert bucket.take(now)


def test_a_clock_that_is_put_back_gives_nothing_and_takes_nothing() -> None:
    bucket = TokenBucket(PACE, 1000.0)
    assert [bucket.take(1000.0 - number) for number in range(6)] == [True] * 5 + [False]
    assert bucket.wait(0.0) == pytest.approx(6.0)


def test_each_name_has_a_pace_of_its_own() -> None:
    paces = Paces(PACE)
    assert [paces.take("one", 0.0) for _ in range(5)] == [0.0] * 5
    assert paces.take("one", 0.0) == pytest.approx(6.0)
    assert paces.take("two", 0.0) == 0.0
    paces.forget()
    assert paces.take("one", 0.0) == 0.0


def test_the_quietest_is_forgotten_first() -> None:
    paces = Paces(Pace(1, 60, 1), remembered=2)
    for name in ("one", "two", "one", "three"):
        paces.take(name, 0.0)
    assert paces.take("one", 0.0) > 0
    assert paces.take("two", 0.0) == 0.0
