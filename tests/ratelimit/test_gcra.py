"""The arithmetic holds everybody to a pace, whatever the pattern, and gives everybody that much."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.gcra import SECOND, Pace, arrive, standing

paces = st.builds(
    Pace,
    count=st.integers(1, 10_000),
    seconds=st.integers(1, 3600),
    burst=st.integers(1, 2_000),
)
calls = st.lists(
    st.tuples(st.integers(0, 120 * SECOND), st.integers(1, 5)), min_size=1, max_size=60
)
"""How long after the one before, and what it costs."""


def timed(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    times = accumulate(gap for gap, _ in gaps)
    return [(SECOND + time, cost) for time, (_, cost) in zip(times, gaps, strict=True)]


def admitted(pace: Pace, arrivals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    full_at, passed = 0, []
    for now, cost in arrivals:
        then = arrive(pace, full_at=full_at, now=now, cost=cost)
        if then is not None:
            full_at = then
            passed.append((now, cost))
    return passed


@given(paces, calls)
def test_no_span_holds_more_than_the_burst_and_the_rate(
    pace: Pace, gaps: list[tuple[int, int]]
) -> None:
    passed = admitted(pace, timed(gaps))
    rate = Fraction(pace.count, pace.seconds * SECOND)
    for first in range(len(passed)):
        spent = 0
        for now, cost in passed[first:]:
            spent += cost
            assert spent <= pace.burst + (now - passed[first][0]) * rate


@given(paces, calls)
def test_it_is_the_token_bucket(pace: Pace, gaps: list[tuple[int, int]]) -> None:
    """Against the definition in exact fractions: `burst` tokens, one more every interval."""
    tokens, filled_at = Fraction(pace.burst), 0
    expected = []
    for now, cost in timed(gaps):
        tokens = min(Fraction(pace.burst), tokens + Fraction(now - filled_at, pace.interval))
        filled_at = now
        if tokens >= cost:
            tokens -= cost
            expected.append((now, cost))
    assert admitted(pace, timed(gaps)) == expected


@given(paces, calls)
def test_nobody_starves(pace: Pace, gaps: list[tuple[int, int]]) -> None:
    """Whoever waits as long as they are told passes, and not a moment sooner."""
    full_at = 0
    for now, asked in timed(gaps):
        cost = min(asked, pace.burst)
        wait = standing(pace, full_at=full_at, now=now).wait(cost)
        then = arrive(pace, full_at=full_at, now=now, cost=cost)
        assert (then is None) == (wait > 0)
        if then is not None:
            full_at = then
            continue
        assert wait <= cost * pace.interval
        assert arrive(pace, full_at=full_at, now=now + wait - 1, cost=cost) is None
        assert arrive(pace, full_at=full_at, now=now + wait, cost=cost) is not None


@given(paces, calls)
def test_refused_calls_change_nothing(pace: Pace, gaps: list[tuple[int, int]]) -> None:
    """However the others were strewn in, the same calls pass as if only they had come."""
    passed = admitted(pace, timed(gaps))
    assert admitted(pace, passed) == passed


@given(paces, st.integers(1, 100))
def test_a_steady_caller_at_the_pace_is_never_refused(pace: Pace, number: int) -> None:
    steady = [(SECOND + at * pace.interval, 1) for at in range(number)]
    assert admitted(pace, steady) == steady


@given(paces, calls)
def test_what_is_told_is_true(pace: Pace, gaps: list[tuple[int, int]]) -> None:
    full_at = 0
    for now, cost in timed(gaps):
        told = standing(pace, full_at=full_at, now=now)
        assert 0 <= told.remaining <= pace.burst
        if told.remaining:
            assert arrive(pace, full_at=full_at, now=now, cost=told.remaining) is not None
        assert arrive(pace, full_at=full_at, now=now, cost=told.remaining + 1) is None
        later = standing(pace, full_at=full_at, now=now + told.until_more)
        assert later.remaining == min(pace.burst, told.remaining + 1)
        assert standing(pace, full_at=full_at, now=now + told.backlog).remaining == pace.burst
        full_at = arrive(pace, full_at=full_at, now=now, cost=cost) or full_at


@given(paces, st.integers(SECOND, 10**15), st.integers(0, 10**15))
def test_a_clock_that_was_put_back_holds_nobody_up_for_longer_than_the_depth(
    pace: Pace, now: int, ahead: int
) -> None:
    if arrive(pace, full_at=now + ahead, now=now) is None:
        later = now + pace.depth + pace.interval
        assert arrive(pace, full_at=now + ahead, now=later) is not None


def test_the_burst_passes_at_once_and_then_the_pace() -> None:
    pace = Pace(count=60, seconds=60, burst=120)
    at_once = admitted(pace, [(SECOND, 1)] * 200)
    assert len(at_once) == 120
    a_minute = [(SECOND + at * SECOND // 10, 1) for at in range(601)]
    assert len(admitted(pace, a_minute)) == 120 + 60


@pytest.mark.parametrize("wrong", [(0, 60, 1), (1, 0, 1), (1, 60, 0)])
def test_a_pace_of_nothing_is_a_mistake(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="from 1 up"):
        Pace(*wrong)
