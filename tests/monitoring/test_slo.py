"""The promise is broken by what breaks it, and by figures that are missing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.slo import SLO, Figure, breaches, main, results_of

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


@pytest.mark.parametrize("figure", list(SLO))
def test_a_figure_at_its_bound_breaks_it(figure: Figure) -> None:
    (found,) = breaches({**KEPT, figure: SLO[figure].bound})
    assert found.figure is figure


@given(
    st.dictionaries(
        st.sampled_from(list(SLO)), st.sampled_from([None, math.nan, math.inf]), min_size=1
    )
)
def test_missing_data_breaks_it(missing: dict[Figure, float | None]) -> None:
    found = breaches({**KEPT, **missing})
    assert {breach.figure for breach in found} == set(missing)
    assert {breach.reason for breach in found} == {"nothing was measured"}


def test_nothing_at_all_breaks_everything() -> None:
    assert {breach.figure for breach in breaches({})} == set(SLO)


# --- The gate ----------------------------------------------------------------------------------

EVERYTHING = {
    **KEPT,
    Figure.REQUESTS: 3000,
    Figure.SOCKETS: 40,
    Figure.DEBATES: 5,
    Figure.LIMITED: 20,
}


Gate = Callable[[str], tuple[int, str]]


@pytest.fixture
def gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Gate:
    """Judges a file with this content: the exit status and what was printed."""

    def judge(content: str) -> tuple[int, str]:
        file = tmp_path / "results.json"
        file.write_text(content)
        status = main([str(file)])
        told = capsys.readouterr()
        return status, told.out + told.err

    return judge


def test_the_gate_opens_for_a_level_that_is_kept(gate: Gate) -> None:
    status, words = gate(json.dumps(EVERYTHING))
    assert status == 0
    assert "BROKEN" not in words


@pytest.mark.parametrize("figure", list(EVERYTHING))
def test_the_gate_closes_for_each_figure_that_is_missing(gate: Gate, figure: Figure) -> None:
    for missing in (None, "", "fast", True, math.nan):
        status, words = gate(json.dumps({**EVERYTHING, figure: missing}))
        assert status == 1
        assert words.count("BROKEN") == 1
    assert gate(json.dumps({k: v for k, v in EVERYTHING.items() if k != figure}))[0] == 1


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        (Figure.P95, 501),
        (Figure.ERRORS, 1.2),
        (Figure.THROUGHPUT, 49),
        (Figure.SOCKETS, 0),
        (Figure.DEBATES, 0),
        (Figure.LIMITED, 0),
    ],
)
def test_the_gate_closes_for_each_breach(gate: Gate, figure: Figure, value: float) -> None:
    status, words = gate(json.dumps({**EVERYTHING, figure: value}))
    assert status == 1
    assert words.count("BROKEN") == 1


@pytest.mark.parametrize("content", ["", "[]", "no JSON", "null"])
def test_the_gate_closes_where_there_are_no_results(gate: Gate, content: str) -> None:
    assert gate(content)[0] == 2


def test_the_gate_closes_where_there_is_no_file(tmp_path: Path) -> None:
    assert main([str(tmp_path / "nothing.json")]) == 2
    assert main([]) == 2


# --- What is judged ----------------------------------------------------------------------------


def results(milliseconds: list[float], *, errors: int = 0, seconds: float = 1) -> dict[str, Any]:
    return dict(
        results_of(milliseconds, seconds=seconds, errors=errors, sockets=1, debates=1, limited=1)
    )


@given(st.lists(st.floats(0, 1e5), min_size=1), st.integers(0, 50))
def test_figures_are_those_of_what_was_measured(milliseconds: list[float], errors: int) -> None:
    found = results(milliseconds, errors=errors, seconds=2)
    for percent in (50, 95, 99):
        value = found[f"p{percent}"]
        assert value in milliseconds
        assert sum(one <= value for one in milliseconds) >= len(milliseconds) * percent / 100
        assert sum(one < value for one in milliseconds) < len(milliseconds) * percent / 100
    assert found["throughput"] == len(milliseconds) / 2
    assert found["errors"] == pytest.approx(100 * errors / (len(milliseconds) + 3 + errors))


def test_a_load_that_only_failed_has_no_latency() -> None:
    found = results([], errors=9)
    assert found["p50"] is found["p99"] is None
    assert found["errors"] == 75
