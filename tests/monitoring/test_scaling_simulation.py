"""A simulated day keeps the books, the bounds and its seed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitoring.scaling.day import Day
from monitoring.scaling.measured import INSTANCE
from monitoring.scaling.simulation import Course, simulate
from monitoring.scaling.triggers import Policy

HOURS = 3
NOT_SHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""A day takes half a second; a failing one is told by its four numbers as it is."""


def course_of(seed: int, peak: int, least: int, most: int) -> Course:
    day = Day(seed=seed, peak_debates=peak, debate_seconds=45, readers=20, surge=2.5)
    return simulate(day, policy=Policy(least=least, most=most), seconds=HOURS * 3600)


some_days = st.tuples(
    st.integers(0, 10**6), st.integers(1, 3000), st.integers(1, 4), st.integers(4, 400)
)


@settings(max_examples=10, phases=NOT_SHRUNK)
@given(some_days)
def test_the_books_are_right_and_the_bounds_are_kept(given_day: tuple[int, int, int, int]) -> None:
    _, _, least, most = given_day
    course = course_of(*given_day)
    assert course.arrived == course.ended + course.left
    for moment in course.moments:
        assert least <= moment.serving
        assert moment.serving + moment.starting <= most
        assert 0 <= moment.debates <= (moment.serving + moment.draining) * 10
        assert 0 <= moment.sockets <= (moment.serving + moment.draining) * 1000
        assert 0 <= moment.cpu <= 1
        assert moment.waiting >= 0
        # Nobody waits beside a free place.
        if moment.waiting and not moment.draining:
            assert moment.debates == moment.serving * int(INSTANCE.debates.value)
    assert all(seconds >= 0 for seconds, _ in course.waits)


@settings(max_examples=10, phases=NOT_SHRUNK)
@given(some_days)
def test_it_never_thrashes(given_day: tuple[int, int, int, int]) -> None:
    cool_down = Policy().cool_down_seconds
    for before, after in pairwise(course_of(*given_day).changes):
        if after.decision.after < after.decision.before:
            assert after.at - before.at >= cool_down


def test_the_same_seed_is_the_same_day_and_another_one_is_not() -> None:
    one, same, other = (course_of(seed, 200, 2, 100) for seed in (7, 7, 8))
    assert (one.moments, one.changes, one.waits) == (same.moments, same.changes, same.waits)
    assert one.moments != other.moments


def test_a_load_for_a_thousand_instances_gets_them() -> None:
    course = course_of(1, 100_000, 2, 1000)
    assert max(moment.serving for moment in course.moments) == 1000


def told(capsys: pytest.CaptureFixture[str], *flags: str) -> Any:
    call_command("simulate_scaling", *flags)
    return capsys.readouterr().out


def test_the_command_prints_a_table_or_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "--peak-debates", "30")
    assert "wait p95 seconds" in text
    document = json.loads(told(capsys, "--peak-debates", "30", "--json"))
    assert document["summary"]["debates"] > 0
    assert len(document["moments"]) == 24 * 60 * 4
    for constant in document["constants"].values():
        assert constant["source"]
    assert document == json.loads(told(capsys, "--peak-debates", "30", "--json"))


@pytest.mark.parametrize(
    "flags", [("--min-instances", "0"), ("--max-instances", "1001"), ("--peak-debates", "0")]
)
def test_what_makes_no_sense_is_refused(flags: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("simulate_scaling", *flags)
