"""When to add instances and when to take some away.

The thresholds and durations are those of the scaling guide's table. What it leaves open is decided
here: any one trigger adds; to take away, all of them must agree, each for its duration. Where the
guide gives no duration, one look is enough. After a change nothing is taken away for
`cool_down_seconds`, and nothing is added until what was added before has started.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


class Metric(StrEnum):
    CPU = "cpu"
    DEBATES = "debates"
    SOCKETS = "sockets"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Thresholds of one figure, as an average of the instances, and how long it must hold."""

    metric: Metric
    up: float
    down: float
    up_seconds: float = 0.0
    down_seconds: float = 0.0


GUIDE = (
    Trigger(Metric.CPU, up=0.70, down=0.30, up_seconds=180, down_seconds=600),
    Trigger(Metric.DEBATES, up=0.80, down=0.20),
    Trigger(Metric.SOCKETS, up=800, down=200),
    Trigger(Metric.MEMORY, up=0.80, down=0.40),
)
"""CPU, debates and memory as a share of what an instance has; sockets as a number of an
instance's."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a scaler goes by."""

    triggers: tuple[Trigger, ...] = GUIDE
    least: int = 1
    most: int = 1000
    cool_down_seconds: float = 600.0
    aim: float = 0.75
    """Of the threshold for adding: where a change should bring the figure."""
    greatest_step_down: float = 0.10
    """Share of the instances that may leave at once; one may always."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A change of the number of instances."""

    before: int
    after: int
    reason: str


@dataclass(slots=True)
class Scaler:
    """Looks at the figures from time to time and says how many instances there should be."""

    policy: Policy
    _above: dict[Metric, float] = field(default_factory=dict)
    """Since when a figure has been above its threshold, without a break."""
    _below: dict[Metric, float] = field(default_factory=dict)
    _changed_at: float = -math.inf

    def look(
        self, now: float, figures: dict[Metric, float], *, instances: int, starting: int = 0
    ) -> Decision | None:
        """`figures` are averages of the `instances` that serve; `starting` will serve soon. None
        when nothing is to be changed."""
        self._note(now, figures)
        wanted, reason = instances, ""
        for trigger in self.policy.triggers:
            since = self._above.get(trigger.metric)
            if since is not None and now - since >= trigger.up_seconds:
                need = math.ceil(
                    instances * figures[trigger.metric] / (trigger.up * self.policy.aim)
                )
                if need > wanted:
                    wanted, reason = need, trigger.metric.value
        if wanted > instances:
            after = min(self.policy.most, wanted)
            return (
                None
                if after <= instances + starting
                else self._decide(now, instances + starting, after, reason)
            )
        if starting or now - self._changed_at < self.policy.cool_down_seconds:
            return None
        fewer = self._fewer(now, figures, instances)
        return self._decide(now, instances, fewer, "idle") if fewer < instances else None

    def _note(self, now: float, figures: dict[Metric, float]) -> None:
        for trigger in self.policy.triggers:
            value = figures[trigger.metric]
            for holds, since in (
                (value > trigger.up, self._above),
                (value < trigger.down, self._below),
            ):
                if holds:
                    since.setdefault(trigger.metric, now)
                else:
                    since.pop(trigger.metric, None)

    def _fewer(self, now: float, figures: dict[Metric, float], instances: int) -> int:
        """How many would do. Never so few that one more would be wanted at once."""
        need = self.policy.least
        for trigger in self.policy.triggers:
            since = self._below.get(trigger.metric)
            if since is None or now - since < trigger.down_seconds:
                return instances
            need = max(
                need,
                math.ceil(instances * figures[trigger.metric] / (trigger.up * self.policy.aim)),
            )
        step = max(1, int(instances * self.policy.greatest_step_down))
        return min(instances, max(need, instances - step))

    def _decide(self, now: float, before: int, after: int, reason: str) -> Decision:
        self._changed_at = now
        return Decision(before, after, reason)
