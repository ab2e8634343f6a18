"""The promise is broken by what breaks it, and by figures that are missing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.slo import SLO, Figure, breaches

KEPT = {
    Figure.P50: 199.0,
    Figure.P95: 499.0,
    Figure.P99: 1999.0,
    Figure.ERRORS: 0.9,
    Figure.THROUGHPUT: 51.0,
}


def test_what_is_kept_is_no_breach() -> None:
    assert breaches(KEPT) == []


def test_the_bounds_are_the_guides() -> None:
    assert {str(figure): str(target) for figure, target in SLO.items()} == {
        "p50": "< 200 ms",
        "p95": "< 500 ms",
        "p99": "< 2000 ms",
        "errors": "< 1 %",
        "throughput": "> 50 requests/s",
    }


@pytest.mark.parametrize("figure", list(Figure))
def test_a_figure_at_its_bound_breaks_it(figure: Figure) -> None:
    (found,) = breaches({**KEPT, figure: SLO[figure].bound})
    assert found.figure is figure


@given(
    st.dictionaries(
        st.sampled_from(list(Figure)), st.sampled_from([None, math.nan, math.inf]), min_size=1
    )
)
def test_missing_data_breaks_it(missing: dict[Figure, float | None]) -> None:
    found = breaches({**KEPT, **missing})
    assert {breach.figure for breach in found} == set(missing)
    assert {breach.reason for breach in found} == {"nothing was measured"}


def test_nothing_at_all_breaks_everything() -> None:
    assert {breach.figure for breach in breaches({})} == set(Figure)
