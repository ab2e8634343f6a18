"""Questions that may hang, each on a thread of its own.

One that hangs is given up at the deadline. Whoever asks next joins it instead of asking again, and
does not wait for what has hung for so long already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as ProbeTimeout
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

DEADLINE_SECONDS = 2.0
"""No check takes longer than this."""
FRESH_SECONDS = 0.1
"""An answer serves every check that comes so soon after it: however often and by how many health is
asked for, the dependencies are asked ten times a second."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """A question that is under way, or whose answer is fresh."""

    name: str
    answer: Future[T]
    since: float

    @property
    def is_of_use(self) -> bool:
        """Whether to join it rather than to ask again."""
        return not self.answer.done() or time.monotonic() < self.since + FRESH_SECONDS

    def wait(self, seconds: float = DEADLINE_SECONDS) -> T | None:
        """The answer; None when it failed, or did not come within `seconds` of the question."""
        try:
            return self.answer.result(timeout=max(0.0, self.since + seconds - time.monotonic()))
        except ProbeTimeout:
            log.warning("health_probe_timed_out", probe=self.name)
        except Exception as error:
            log.warning("health_probe_failed", probe=self.name, error=type(error).__name__)
        return None


class Probe(Generic[T]):
    """A question that may hang. At most one of its kind is under way at a time."""

    def __init__(self, name: str, ask: Callable[[], T]) -> None:
        self.name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: Asked[T] | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"health-{name}")

    def start(self) -> Asked[T]:
        with self._lock:
            if self._asked is None or not self._asked.is_of_use:
                answer = self._executor.submit(self._ask)
                self._asked = Asked(self.name, answer, time.monotonic())
            return self._asked

    def forget(self) -> None:
        """Ask again next time, however fresh the answer is."""
        with self._lock:
            if self._asked is not None and self._asked.answer.done():
                self._asked = None
