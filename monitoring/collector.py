"""Python's collector of cyclic garbage, told what it need not look through.

A full collection looks at every object that lives, while all threads and the event loop wait: up to
300 ms with what debates load. Modules, classes and functions stay for as long as the process does,
so they are taken out of its sight: those that have been loaded when `leave_out_what_is_loaded` is
called, and those that are loaded later, with the next full collection. Whatever else lives at these
few moments is freed as everything else, as long as it is part of no cycle.
"""

from __future__ import annotations

import gc
import sys
from typing import Literal

MANY_MODULES = 25
"""So many new ones are worth another look."""

_seen = {"modules": 0}
"""How many there were at the last one."""


def leave_out_what_is_loaded() -> None:
    """From now on, look only at what is new. To be called when a process has started."""
    gc.collect()  # What is garbage by then would be kept.
    _leave_out()
    if _after_collection not in gc.callbacks:
        gc.callbacks.append(_after_collection)


def _leave_out() -> None:
    _seen["modules"] = len(sys.modules)
    gc.freeze()


def _after_collection(phase: Literal["start", "stop"], info: dict[str, int]) -> None:
    """After a full collection there is no garbage that would be kept."""
    loaded = len(sys.modules) - _seen["modules"]
    if phase == "stop" and info["generation"] == 2 and loaded >= MANY_MODULES:
        _leave_out()
