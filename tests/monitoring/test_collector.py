"""What has been loaded is not looked through again; what is new is, and is freed."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from types import ModuleType

import pytest

from monitoring import collector


class Knot:
    """Part of a cycle."""

    def __init__(self) -> None:
        self.other = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.callbacks.remove(collector._after_collection)


def test_what_is_loaded_is_left_out_and_what_is_new_is_freed() -> None:
    collector.leave_out_what_is_loaded()
    assert gc.get_freeze_count() > 10_000
    known = {id(found) for found in gc.get_objects()}
    assert id(collector.__dict__) not in known
    gone = weakref.ref(Knot())
    gc.collect()
    assert gone() is None


def test_what_is_loaded_later_is_left_out_with_the_next_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector.leave_out_what_is_loaded()
    before = gc.get_freeze_count()
    held = [Knot() for _ in range(5_000)]
    gc.collect()
    assert gc.get_freeze_count() < before + len(held)
    for number in range(collector.MANY_MODULES):
        monkeypatch.setitem(sys.modules, f"made_up_{number}", ModuleType("made_up"))
    gc.collect()
    assert gc.get_freeze_count() > before + len(held)
