"""A day of instances that come and go, as discrete events.

Debates begin and end in groups: all that come within a few seconds and last as long are one event,
so that a day of a thousand instances takes seconds. The load balancer sends everything where there
is least, so all instances that serve are equally busy.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count

from monitoring.scaling.day import DAY_SECONDS, Day, poisson
from monitoring.scaling.measured import INSTANCE, Instance
from monitoring.scaling.triggers import Decision, Metric, Policy, Scaler

ARRIVAL_SECONDS = 5.0
LOOK_SECONDS = 15.0
SPREAD = (2 / 3, 5 / 6, 1.0, 7 / 6, 4 / 3)
"""How long debates last, in equal parts, as multiples of the mean: 30 to 60 s for 45."""


class Kind(IntEnum):
    """In the order in which events of the same moment are taken."""

    ENDED = 0
    READY = 1
    DRAINED = 2
    ARRIVED = 3
    LOOK = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Debates that came together, and those who follow them."""

    debates: int
    sockets: int
    arrived_at: float

    def split(self, debates: int) -> tuple[Group, Group]:
        """The first so many of them, and the others."""
        sockets = self.sockets * debates // self.debates
        first = Group(debates, sockets, self.arrived_at)
        return first, Group(self.debates - debates, self.sockets - sockets, self.arrived_at)


@dataclass(frozen=True, slots=True)
class Moment:
    """How it stands when the scaler has looked."""

    at: float
    serving: int
    starting: int
    draining: int
    debates: int
    waiting: int
    sockets: int
    refused_sockets: int
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Change:
    at: float
    decision: Decision


@dataclass(slots=True)
class Course:
    """What happened in a day."""

    moments: list[Moment] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    waits: list[tuple[float, int]] = field(default_factory=list)
    """How many debates waited for a place for how many seconds."""
    arrived: int = 0
    ended: int = 0
    left: int = 0
    """Debates that still ran or waited at the end."""
    moved_sockets: int = 0
    """Sockets of instances that left: their clients resumed elsewhere."""
    instance_seconds: float = 0.0

    def wait_at(self, share: float) -> float:
        """The longest wait of this share of the debates, in seconds."""
        total = sum(number for _, number in self.waits)
        seen = 0
        for seconds, number in sorted(self.waits):
            seen += number
            if seen >= share * total:
                return seconds
        return 0.0


def simulate(
    day: Day, *, policy: Policy, instance: Instance = INSTANCE, seconds: float = DAY_SECONDS
) -> Course:
    """The same for the same arguments."""
    return _Simulation(day, policy, instance).run(seconds)


class _Simulation:
    def __init__(self, day: Day, policy: Policy, instance: Instance) -> None:
        self._day, self._policy, self._instance = day, policy, instance
        self._random = random.Random(f"aragora:{day.seed}")
        self._scaler = Scaler(policy)
        self._events: list[tuple[float, int, int, Group | None]] = []
        self._order = count()
        self._course = Course()
        self._serving, self._starting, self._draining = policy.least, 0, 0
        self._debates = self._sockets = 0
        self._waiting: deque[Group] = deque()

    def run(self, seconds: float) -> Course:
        self._plan(0.0, Kind.ARRIVED)
        self._plan(0.0, Kind.LOOK)
        before = 0.0
        while self._events and self._events[0][0] < seconds:
            now, kind, _, group = heapq.heappop(self._events)
            present = self._serving + self._starting + self._draining
            self._course.instance_seconds += (now - before) * present
            before = now
            self._happen(now, Kind(kind), group)
        self._course.instance_seconds += (seconds - before) * (self._serving + self._draining)
        self._course.left = self._debates + sum(group.debates for group in self._waiting)
        return self._course

    def _plan(self, at: float, kind: Kind, group: Group | None = None) -> None:
        heapq.heappush(self._events, (at, kind, next(self._order), group))

    def _happen(self, now: float, kind: Kind, group: Group | None) -> None:
        match kind:
            case Kind.ENDED if group is not None:
                self._debates -= group.debates
                self._sockets -= group.sockets
                self._course.ended += group.debates
            case Kind.READY:
                self._starting -= 1
                self._serving += 1
            case Kind.DRAINED:
                self._draining -= 1
            case Kind.ARRIVED:
                self._arrive(now)
            case Kind.LOOK:
                self._look(now)
        self._begin_waiting(now)

    # --- Debates -------------------------------------------------------------------------------

    def _arrive(self, now: float) -> None:
        self._plan(now + ARRIVAL_SECONDS, Kind.ARRIVED)
        debates = poisson(self._random, self._day.rate(now) * ARRIVAL_SECONDS)
        if not debates:
            return
        sockets = poisson(self._random, debates * self._day.readers)
        self._course.arrived += debates
        self._sockets += sockets
        self._waiting.append(Group(debates, sockets, now))

    def _begin_waiting(self, now: float) -> None:
        """Whoever has waited longest begins, as far as there are places."""
        while self._waiting and (room := self._places - self._debates) > 0:
            group = self._waiting.popleft()
            if group.debates > room:
                group, rest = group.split(room)
                self._waiting.appendleft(rest)
            self._debates += group.debates
            self._course.waits.append((now - group.arrived_at, group.debates))
            for factor, part in self._by_length(group):
                self._plan(now + self._day.debate_seconds * factor, Kind.ENDED, part)

    @property
    def _places(self) -> int:
        return self._serving * int(self._instance.debates.value)

    def _by_length(self, group: Group) -> Iterator[tuple[float, Group]]:
        """The debates in parts that last equally long."""
        factors = self._random.sample(SPREAD, len(SPREAD))
        for left in range(len(factors), 0, -1):
            part, group = (
                group.split(-(-group.debates // left)) if group.debates else (group, group)
            )
            if part.debates:
                yield factors[left - 1], part
            if not group.debates:
                return

    # --- Instances -----------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        self._plan(now + LOOK_SECONDS, Kind.LOOK)
        figures = self._figures()
        decision = self._scaler.look(now, figures, instances=self._serving, starting=self._starting)
        if decision is not None:
            self._course.changes.append(Change(now, decision))
            self._change(now, decision)
        held = self._serving * int(self._instance.sockets.value)
        self._course.moments.append(
            Moment(
                at=now,
                serving=self._serving,
                starting=self._starting,
                draining=self._draining,
                debates=self._debates,
                waiting=sum(group.debates for group in self._waiting),
                sockets=min(self._sockets, held),
                refused_sockets=max(0, self._sockets - held),
                cpu=figures[Metric.CPU],
                memory=figures[Metric.MEMORY],
            )
        )

    def _change(self, now: float, decision: Decision) -> None:
        for _ in range(decision.after - decision.before):
            self._starting += 1
            self._plan(now + self._instance.start_seconds.value, Kind.READY)
        for _ in range(decision.before - decision.after):
            self._course.moved_sockets += self._sockets // self._serving
            self._serving -= 1
            self._draining += 1
            self._plan(now + self._instance.drain_seconds.value, Kind.DRAINED)

    def _figures(self) -> dict[Metric, float]:
        """Of one instance, all of them being equally busy."""
        it = self._instance
        debates = self._debates / self._serving
        sockets = min(self._sockets / self._serving, it.sockets.value)
        cores = (
            it.cpu_idle.value
            + debates * it.cpu_of_debate.value / self._day.debate_seconds
            + sockets * it.deliveries_of_socket.value * it.cpu_of_delivery.value
        )
        memory = (
            it.memory_idle.value
            + debates * it.memory_of_debate.value
            + sockets * it.memory_of_socket.value
        )
        return {
            Metric.CPU: min(1.0, cores / it.cores.value),
            # What waits wants a place as much as what runs.
            Metric.DEBATES: (self._debates + sum(group.debates for group in self._waiting))
            / self._places,
            Metric.SOCKETS: self._sockets / self._serving,
            Metric.MEMORY: memory / it.memory.value,
        }
