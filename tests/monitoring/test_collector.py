"""What has been loaded is not looked through again; what is new is, and is freed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from debates.providers import registry
from monitoring import collector


class Knot:
    """Part of a cycle."""

    def __init__(self) -> None:
        self.other = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_loaded_is_left_out_and_what_is_new_is_freed() -> None:
    collector.leave_out_what_is_loaded()
    assert gc.get_freeze_count() > 10_000
    known = {id(found) for found in gc.get_objects()}
    assert id(collector.__dict__) not in known
    gone = weakref.ref(Knot())
    gc.collect()
    assert gone() is None


def test_the_next_full_collection_is_due_by_what_is_new() -> None:
    collector.leave_out_what_is_loaded()
    threshold, full = gc.get_threshold(), gc.get_stats()[2]["collections"]
    gc.set_threshold(100, 2, 2)
    try:
        held = [Knot() for _ in range(5_000)]
        assert len(held) < gc.get_freeze_count() / 4, "what Python waits for otherwise"
        assert gc.get_stats()[2]["collections"] > full
    finally:
        gc.set_threshold(*threshold)


def test_what_a_provider_loads_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_providers", {})
    before = gc.get_freeze_count()
    registry.get_provider("openai_compatible")
    frozen = gc.get_freeze_count()
    assert frozen > before
    registry.get_provider("openai_compatible")
    assert gc.get_freeze_count() <= frozen, "only the first time"
