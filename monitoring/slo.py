"""The service level that is promised, and whether a load test kept it. Pure.

A figure that is missing is a breach: a test that measured nothing has shown nothing.

    python -m monitoring.slo RESULTS.json

judges what `loadtests/locustfile.py` or `scripts/load_test.js` has written. The exit code is 1 for
a breach, 2 where there is nothing to read.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Figure(StrEnum):
    """What is promised a figure for."""

    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    ERRORS = "errors"
    THROUGHPUT = "throughput"
    REQUESTS = "requests"
    SOCKETS = "sockets"
    DEBATES = "debates"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True)
class Target:
    """The guide's bound on a figure: below it, or above it where more is better."""

    bound: float
    unit: str
    more_is_better: bool = False

    def is_met(self, value: float) -> bool:
        return value > self.bound if self.more_is_better else value < self.bound

    def __str__(self) -> str:
        return f"{'>' if self.more_is_better else '<'} {self.bound:g} {self.unit}"


SLO: Mapping[Figure, Target] = {
    Figure.P50: Target(200, "ms"),
    Figure.P95: Target(500, "ms"),
    Figure.P99: Target(2000, "ms"),
    Figure.ERRORS: Target(1, "%"),
    Figure.THROUGHPUT: Target(50, "requests/s", more_is_better=True),
}
"""The guide's table."""
EXERCISED: Mapping[Figure, Target] = {
    Figure.REQUESTS: Target(0, "answered", more_is_better=True),
    Figure.SOCKETS: Target(0, "messages there and back", more_is_better=True),
    Figure.DEBATES: Target(0, "completed", more_is_better=True),
    Figure.LIMITED: Target(0, "refused as they should", more_is_better=True),
}
"""What a load test has to have seen of each part for its figures to mean anything."""


@dataclass(frozen=True, slots=True)
class Breach:
    figure: Figure
    reason: str


def breaches(
    measured: Mapping[str, object], targets: Mapping[Figure, Target] = SLO
) -> list[Breach]:
    """Every promise that was not kept, or that nothing was measured about."""
    found = []
    for figure, target in targets.items():
        value = measured.get(figure)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            found.append(Breach(figure, "nothing was measured"))
        elif not target.is_met(value):
            found.append(Breach(figure, f"{value:.4g} {target.unit}, promised is {target}"))
    return found


def _number(value: object) -> float | None:
    """None for whatever is no figure."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def results_of(
    milliseconds: Sequence[float],
    *,
    seconds: float,
    errors: int,
    sockets: int,
    debates: int,
    limited: int,
) -> dict[str, float | None]:
    """The document that is judged: latencies of the answers that were no errors, errors as a share
    of everything that was tried. None where nothing was measured."""
    tried = len(milliseconds) + sockets + debates + limited + errors
    ordered = sorted(milliseconds)
    return {
        Figure.P50: _percentile(ordered, 50),
        Figure.P95: _percentile(ordered, 95),
        Figure.P99: _percentile(ordered, 99),
        Figure.ERRORS: 100 * errors / tried if tried else None,
        Figure.THROUGHPUT: len(ordered) / seconds if seconds > 0 else None,
        Figure.REQUESTS: len(ordered),
        Figure.SOCKETS: sockets,
        Figure.DEBATES: debates,
        Figure.LIMITED: limited,
    }


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """By nearest rank."""
    if not ordered:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def main(arguments: Sequence[str]) -> int:
    """Print each figure beside its target; the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("Usage: python -m monitoring.slo RESULTS.json\n")
        return 2
    try:
        measured = json.loads(Path(arguments[0]).read_text())
        if not isinstance(measured, dict):
            raise TypeError("it is no object")
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"{arguments[0]} holds no results: {error}\n")
        return 2
    targets = {**SLO, **EXERCISED}
    broken = {breach.figure: breach.reason for breach in breaches(measured, targets)}
    for figure, target in targets.items():
        value = _number(measured.get(figure))
        shown = "nothing" if value is None else f"{value:.4g}"
        verdict = f"BROKEN: {broken[figure]}" if figure in broken else "kept"
        sys.stdout.write(f"{figure:<12}{shown:>10}  {target!s:<32}{verdict}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
