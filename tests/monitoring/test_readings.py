"""Figures that have to be asked for: what fails or hangs is missing, and holds nobody up."""

from __future__ import annotations

import threading
import time

import pytest
from prometheus_client import REGISTRY

from monitoring import metrics
from monitoring.probes import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def shown() -> dict[str, list[float]]:
    """The gauges that the readings make, with their values."""
    return {
        family.name: [sample.value for sample in family.samples] for family in REGISTRY.collect()
    }


def test_what_fails_or_hangs_is_missing_and_the_others_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "_readings", {})
    over = threading.Event()

    def hang() -> dict[str, float]:
        over.wait()
        return {"": 1.0}

    def fail() -> dict[str, float]:
        raise RuntimeError

    metrics.register_reading("example_hangs", "Never comes.", hang)
    metrics.register_reading("example_fails", "Raises.", fail)
    metrics.register_reading("example_works", "Is there.", lambda: {"a": 1.0, "b": 2.0}, label="x")
    try:
        begun = time.monotonic()
        found = shown()
        took = time.monotonic() - begun
        again = time.monotonic()
        shown()
        assert time.monotonic() - again < DEADLINE_SECONDS / 2, "it has waited for it long enough"
    finally:
        over.set()
    assert took < DEADLINE_SECONDS * 2
    assert (found["example_hangs"], found["example_fails"]) == ([], [])
    assert found["example_works"] == [1.0, 2.0]


def test_a_database_that_is_away_is_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("monitoring.health._DATABASE._ask", refuse)
    assert shown()["aragora_dependency_up"] == [0.0]
