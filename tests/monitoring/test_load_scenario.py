"""The service level holds under the load of the scenario, on a real server with its limits on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring.slo import EXERCISED, SLO, Figure, breaches
from tests.support.processes import ROOT

USERS, SECONDS, PAUSE = "16", "15", "0.05"
OF_TIME = {Figure.P50, Figure.P95, Figure.P99, Figure.THROUGHPUT}


def run(results: Path) -> int:
    """The exit status of the gate."""
    command = [sys.executable, "-m", "loadtests.scenario", "--results", str(results)]
    options = ("--users", USERS, "--seconds", SECONDS, "--pause", PAUSE)
    return subprocess.run([*command, *options], cwd=ROOT, timeout=170, check=False).returncode


@pytest.mark.faults
@pytest.mark.alone
def test_the_service_level_is_kept_under_load(tmp_path: Path) -> None:
    """Figures of time alone are measured again, once: the machine may have had other things to do.
    Not one error is excused, and no part that did not take place."""
    results = tmp_path / "results.json"
    status = run(results)
    measured = json.loads(results.read_text())
    broken = {breach.figure for breach in breaches(measured, {**SLO, **EXERCISED})}
    if broken and broken <= OF_TIME:
        status = run(results)
        measured = json.loads(results.read_text())
    assert status == 0, measured
    assert measured["errors"] == 0


def test_k6_enforces_the_same_targets() -> None:
    script = (ROOT / "scripts" / "load_test.js").read_text()
    bounds = {f"p{p}": int(ms) for p, ms in re.findall(r'"p\((\d+)\)<(\d+)"', script)}
    rates = dict(re.findall(r'"rate([<>][\d.]+)"()', script))
    assert bounds == {figure: SLO[figure].bound for figure in (Figure.P50, Figure.P95, Figure.P99)}
    assert set(rates) == {
        f"<{SLO[Figure.ERRORS].bound / 100:g}",
        f">{SLO[Figure.THROUGHPUT].bound:g}",
    }
    written = set(re.findall(r"^    (\w+): (?:duration|rate|value)", script, re.MULTILINE))
    assert written == set(Figure)
