"""Figures in words."""

from datetime import UTC, datetime, timedelta

import pytest

from debates.web.figures import (
    describe_age,
    describe_cost_range,
    describe_dollars,
    describe_range,
    describe_seconds,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "no cost"),
        (0.0004, "under $0.001"),
        (0.0123, "$0.012"),
        (1.5, "$1.50"),
        (1234, "$1,234.00"),
    ],
)
def test_dollars(amount: float, words: str) -> None:
    assert describe_dollars(amount) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0, 0, "no cost"), (0, 0.5, "up to $0.500"), (0.01, 0.02, "$0.010–0.020"), (2, 2, "$2.00")],
)
def test_cost_ranges(low: float, high: float, words: str) -> None:
    assert describe_cost_range(low, high) == words


def test_ranges() -> None:
    assert describe_range(3, 3) == "3"
    assert describe_range(1200, 45_000) == "1,200–45,000"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "under 1 s"), (4.4, "4 s"), (60, "1 min"), (95, "1 min 35 s"), (4000, "1 h 6 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert describe_seconds(seconds) == words


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=8), "24 February 2026"),
    ],
)
def test_ages(passed: timedelta, words: str) -> None:
    assert describe_age(NOW - passed, NOW) == words
