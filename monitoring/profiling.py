"""Where the memory of this process went: tracemalloc, when ARAGORA_MEMORY_PROFILING asks for it.

Of a snapshot only the sums by line are kept, so that looking for a leak is none.
"""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

FRAMES = 1
"""Of the stack of each allocation: the line that asked for it. More cost more."""
OURS = (tracemalloc.__file__, __file__, "<unknown>")
ROOT = Path(__file__).parents[1]
Line = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Growth:
    """A line of code, what it holds, and how much more that is than before."""

    place: str
    kilobytes: float
    blocks: int
    more_kilobytes: float
    more_blocks: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What every line held at a moment."""

    taken_at: datetime
    seconds: float
    """How long taking it kept this process from other things."""
    traced_bytes: int
    peak_bytes: int
    """The most since profiling began."""
    own_bytes: int
    """What the profiler itself takes."""
    lines: Mapping[Line, tuple[int, int]]
    """(bytes, blocks) by line."""


class Profile:
    """The latest snapshot and the one before. Callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.latest: Snapshot | None = None
        self.before: Snapshot | None = None

    def take(self) -> bool:
        """Take a snapshot; False when another one is being taken."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            taken = _snapshot()
            self.before, self.latest = self.latest, taken
        finally:
            self._lock.release()
        return True

    def largest(self, count: int) -> list[Growth]:
        """The lines that hold most."""
        return sorted(self._lines(), key=lambda line: -line.kilobytes)[:count]

    def grown(self, count: int) -> list[Growth]:
        """The lines that grew most between the two snapshots; none without the one before."""
        if self.before is None:
            return []
        grown = [line for line in self._lines() if line.more_kilobytes > 0]
        return sorted(grown, key=lambda line: -line.more_kilobytes)[:count]

    def _lines(self) -> list[Growth]:
        now = self.latest.lines if self.latest else {}
        before = self.before.lines if self.before else {}
        return [
            Growth(
                place=f"{_short(file)}:{number}",
                kilobytes=size / 1024,
                blocks=blocks,
                more_kilobytes=(size - before.get((file, number), (0, 0))[0]) / 1024,
                more_blocks=blocks - before.get((file, number), (0, 0))[1],
            )
            for (file, number), (size, blocks) in now.items()
        ]


profile = Profile()


def is_enabled() -> bool:
    return bool(settings.ARAGORA.memory_profiling)


def start_profiling() -> None:
    """Trace what is allocated from now on, if that is asked for."""
    if is_enabled() and not tracemalloc.is_tracing():
        tracemalloc.start(FRAMES)


def _snapshot() -> Snapshot:
    began = time.perf_counter()
    traced, peak = tracemalloc.get_traced_memory()
    found = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern=file) for file in OURS]
    )
    lines = {
        (frame.filename, frame.lineno): (statistic.size, statistic.count)
        for statistic in found.statistics("lineno")
        for frame in statistic.traceback
    }
    return Snapshot(
        taken_at=timezone.now(),
        seconds=time.perf_counter() - began,
        traced_bytes=traced,
        peak_bytes=peak,
        own_bytes=tracemalloc.get_tracemalloc_memory(),
        lines=lines,
    )


def _short(file: str) -> str:
    """From the package on: where it is installed is nobody's business."""
    parts = Path(file).parts
    for folder in ("site-packages", "lib"):
        if folder in parts:
            return "/".join(parts[parts.index(folder) + 1 :])
    path = Path(file)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
