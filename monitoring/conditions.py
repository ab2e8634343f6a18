"""What this instance has to do without just now: told by the pages, by health and by the metrics,
which all ask here.

A leaf, like `gauges`: packages register who looks after what. Nobody waits for that: whoever asks
gets what was found last, and when that is some seconds old it is looked at again beside them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import structlog
from django.db import connections
from prometheus_client import Gauge

log = structlog.get_logger(__name__)

LOOK_SECONDS = 3.0
"""How old what is known may be before it is looked at again."""
OLD_SECONDS = 15.0
"""So old it is of no use: nobody has asked for a while, and whoever does waits a moment."""
WAIT_SECONDS = 0.25

CONDITION = Gauge(
    "aragora_condition",
    "Whether the instance does without something (1), or not (0).",
    ["condition"],
    multiprocess_mode="livemax",
)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be, while the rest goes on."""

    name: str
    """Stable, for metrics and the log."""
    sentence: str
    """For everybody; empty where nobody but the operator would notice."""
    detail: str
    """For staff: what is wrong, and what follows."""
    degrades: bool = True
    """Whether health is `degraded` for it. Being busy is no fault."""


Look = Callable[[], Condition | None]


class Conditions:
    """What is known of one process. Any thread may ask."""

    def __init__(self) -> None:
        self._looks: dict[Look, tuple[str, ...]] = {}
        """With the names of what each may find."""
        self._lock = threading.Lock()
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="conditions")
        self._looking: Future[None] | None = None
        self._looked_at = float("-inf")
        self._found: tuple[Condition, ...] = ()

    def register(self, look: Look, *names: str) -> None:
        """Have `look` say whether one of the conditions of these names is there. It may use the
        database and may raise."""
        self._looks[look] = names

    def known(self) -> tuple[Condition, ...]:
        """What was found last, in the order of registration."""
        with self._lock:
            age = time.monotonic() - self._looked_at
            idle = self._looking is None or self._looking.done()
            if age >= LOOK_SECONDS and idle:
                self._looking = self._looker.submit(self._look)
            looking = self._looking
        if age < OLD_SECONDS or looking is None:
            return self._found
        # Where a look hangs, the one who began it waits; the others do not.
        done, _ = wait([looking], WAIT_SECONDS if idle else 0)
        return self._found if done else ()

    def forget(self) -> None:
        """Know nothing, so that the next one to ask waits for a look."""
        with self._lock:
            self._looked_at, self._found = float("-inf"), ()

    def _look(self) -> None:
        found = []
        for look, names in list(self._looks.items()):
            try:
                condition = look()
                connections["default"].close_if_unusable_or_obsolete()
            except Exception as error:  # What is broken there is told by whoever needs it.
                log.warning(
                    "conditions_not_looked_at", conditions=names, error=type(error).__name__
                )
                condition = None
            for name in names:
                CONDITION.labels(name).set(condition is not None and condition.name == name)
            if condition is not None:
                found.append(condition)
        with self._lock:
            before, self._found = self._found, tuple(found)
            self._looked_at = time.monotonic()
        self._tell(before, self._found)

    def _tell(self, before: tuple[Condition, ...], now: tuple[Condition, ...]) -> None:
        was, names = {one.name for one in before}, {one.name for one in now}
        for name in sorted(names - was):
            log.warning("condition_began", condition=name)
        for name in sorted(was - names):
            log.info("condition_ended", condition=name)


conditions = Conditions()
