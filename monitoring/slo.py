"""The service level that is promised, and whether a load test kept it. Pure.

A figure that is missing is a breach: a test that measured nothing has shown nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Figure(StrEnum):
    """What is promised a figure for."""

    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    ERRORS = "errors"
    THROUGHPUT = "throughput"


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


@dataclass(frozen=True, slots=True)
class Breach:
    figure: Figure
    reason: str


def breaches(
    measured: Mapping[str, float | None], slo: Mapping[Figure, Target] = SLO
) -> list[Breach]:
    """Every promise that was not kept, or that nothing was measured about."""
    found = []
    for figure, target in slo.items():
        value = measured.get(figure)
        if value is None or not math.isfinite(value):
            found.append(Breach(figure, "nothing was measured"))
        elif not target.is_met(value):
            found.append(Breach(figure, f"{value:.4g} {target.unit}, promised is {target}"))
    return found
