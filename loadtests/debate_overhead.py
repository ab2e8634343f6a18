"""What a debate costs beside its models: queue, engine, checkpoints, events, ranking and stream.

Agents answer at once, from a provider that is registered here alone. The debate is the longest of
its size (`engine_overhead`): the agents never agree and somebody changes an answer in every round.
A reader follows every debate that runs, by the hub; what it gets is encoded as for a socket.

Figures, each the median of several runs of many debates, from the queue to the end:

- one debate at a time, which recalls nothing (`use_memory`), but is remembered like any other:
  milliseconds a debate and debates a second by the clock, and the CPU time of the whole process,
  which a busy machine changes less;
- the same debates when they recall what was remembered, and what of it went into remembering
  them. All ask nearly the same, so each finds as much as can be found: memory costs no more;
- fifty at a time: the same;
- growth of the process's own memory and of its descriptors over a thousand debates more, which
  recall what they can. The vectors that are searched are kept at hand, 1 KB each, within bounds of
  their own: they are counted apart.

    python -m loadtests.debate_overhead [--debates N] [--runs N] [--agents N] [--rounds N]

The exit code is 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import os
import pstats
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvloop

from aragora_site.tenancy.scopes import Purpose, across_tenants
from loadtests.support import Figure, report, scratch_directory, scratch_environment

MILLISECONDS, A_SECOND = 15.0, 60.0
GROWTH_MEGABYTES = 8.0
"""Over a thousand debates. What the allocator keeps comes and goes by a few."""
LATE_DESCRIPTORS = 8
"""A thread that has its first work late opens a connection then, which is two."""
MANY = 50
AHEAD = 20
"""Readers come so many debates before theirs begins: one that comes late would miss it."""
LONGEST_WAIT = 120.0
_numbers = count()


def prepare_django(directory: Path) -> None:
    os.environ.update(scratch_environment(directory))
    os.environ["DJANGO_SETTINGS_MODULE"] = "aragora_site.settings"
    import django

    from aragora_site.threads import SWITCH_SECONDS
    from monitoring.allocator import keep_heaps_few

    # As `serve` begins.
    sys.setswitchinterval(SWITCH_SECONDS)
    keep_heaps_few()
    django.setup()


@across_tenants(Purpose.OPERATOR)
def store_debates(number: int, *, agents: int, rounds: int, use_memory: bool = True) -> list[UUID]:
    """Queue so many debates, in one go; nothing of this is measured."""
    from django.utils import timezone

    from debates.choices import DebateStatus, Visibility
    from debates.engine.types import DecisionMode, Price, ProtocolName
    from debates.models import Debate
    from debates.providers.base import AgentSpec
    from debates.services.panels import spec_to_json

    panel = [
        spec_to_json(
            AgentSpec(
                name=f"agent-{index}",
                provider="instant",
                model=f"model-{index}",
                family=f"family-{index}",
                price=Price(1.0, 2.0),
            )
        )
        for index in range(agents)
    ]
    now = timezone.now()
    debates = [
        Debate(
            id=(debate_id := uuid4()),
            slug=f"load-{debate_id.hex}",
            question=f"Which intake feeds basin {next(_numbers)}?",
            visibility=Visibility.PUBLIC,
            panel=panel,
            protocol=ProtocolName.ADAPTIVE,
            decision=DecisionMode.PLURALITY,
            rounds=rounds,
            seed=index,
            use_memory=use_memory,
            status=DebateStatus.PENDING,
            queued_at=now + timedelta(microseconds=index),
            created_at=now,
        )
        for index in range(number)
    ]
    Debate.objects.bulk_create(debates, batch_size=200)
    return [debate.pk for debate in debates]


class InstantProvider:
    """Models that answer at once, each in three pieces."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """That it took to think of answers: the models' part of what is measured."""

    async def stream(self, spec: object, call: object) -> AsyncIterator[object]:
        from debates.engine import replies
        from debates.engine.types import Call, Usage
        from debates.providers.base import Completion, Delta
        from loadtests.engine_overhead import reply_to

        assert isinstance(call, Call)
        begun = time.perf_counter()
        text = replies.write(call, reply_to(call, _basin(call)))
        self.seconds += time.perf_counter() - begun
        third = len(text) // 3 + 1
        for start in range(0, len(text), third):
            yield Delta(text[start : start + third])
        yield Completion(text, Usage(600, 90), "stop", model="instant")

    async def choose(self, spec: object, call: object) -> object:
        from debates.engine.types import Call, Usage
        from debates.providers.base import Completion

        assert isinstance(call, Call)
        letters = [choice.letter for choice in call.brief.choices]
        form = {
            "reason": "It is dated.",
            "ranking": letters,
            "approved": letters[:1],
            "confidence": 0.7,
        }
        return Completion("", Usage(600, 30), "stop", model="instant", data=form)


def _basin(call: object) -> int:
    from debates.engine.types import Call

    assert isinstance(call, Call)
    return int(call.brief.question.rstrip("?").rsplit(" ", 1)[1])


class Reader:
    """Follows one debate, as a socket does, and says when it is over."""

    def __init__(self, debate_id: UUID, over: asyncio.Queue[Reader]) -> None:
        self.debate_id = debate_id
        self.outlet = self
        self.bytes = 0
        self._over = over

    def write(self, packet: object) -> None:
        from debates.choices import EventType
        from debates.streaming.packets import Packet

        assert isinstance(packet, Packet)
        self.bytes += len(packet.wire)
        if packet.type == EventType.DEBATE_END:
            self._over.put_nowait(self)

    def write_burst(self, burst: object) -> None:
        from debates.choices import EventType
        from debates.streaming.packets import Burst

        assert isinstance(burst, Burst)
        self.bytes += len(burst.wire)
        if any(packet.type == EventType.DEBATE_END for packet in burst.packets):
            self._over.put_nowait(self)

    def interrupt(self, why: object) -> None:
        raise AssertionError(why)


async def run_debates(
    debate_ids: Sequence[UUID],
    *,
    at_once: int,
    after_each: Callable[[int], None] = lambda number: None,
) -> float:
    """Run what is queued, so many at a time; the seconds that it took beside the models.
    `after_each` is told how many debates are over."""
    from debates.providers.gateway import Gateway
    from debates.running.dispatcher import Dispatcher
    from debates.streaming.hub import get_hub

    hub, over = get_hub(), asyncio.Queue[Reader]()
    await hub.start()
    waiting = iter(debate_ids)

    async def follow(number: int) -> None:
        for _, debate_id in zip(range(number), waiting, strict=False):
            reader = Reader(debate_id, over)
            followed = await hub.enter(debate_id, reader)
            assert followed is not None
            hub.go_live(followed, reader)

    await follow(2 * at_once + AHEAD)
    instant = InstantProvider()
    gateway = Gateway(provider_of=lambda name: instant)  # type: ignore[arg-type, return-value]
    dispatcher = Dispatcher(gateway=gateway, limit=at_once)
    begun = time.perf_counter()
    await dispatcher.start()
    async with asyncio.timeout(LONGEST_WAIT):
        for number in range(1, len(debate_ids) + 1):
            reader = await over.get()
            hub.leave(reader.debate_id, reader)
            assert reader.bytes > 1000
            after_each(number)
            await follow(1)
    elapsed = time.perf_counter() - begun - instant.seconds
    await dispatcher.stop(grace_seconds=5.0)
    await hub.stop()
    return elapsed


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a debate, in milliseconds."""

    wall: float
    cpu: float
    remembering: float
    """Of the CPU time, what memory took when it was told of the debates afterwards."""


def measure(options: argparse.Namespace, *, at_once: int, use_memory: bool) -> Cost:
    """One run."""
    debates = store_debates(
        options.debates, agents=options.agents, rounds=options.rounds, use_memory=use_memory
    )
    gc.collect()
    with remembering_timed() as spent:
        before = time.process_time()
        elapsed = uvloop.run(run_debates(debates, at_once=at_once))
        cpu = time.process_time() - before
    each = 1000 / len(debates)
    return Cost(each * elapsed, each * cpu, each * sum(spent))


@contextlib.contextmanager
def remembering_timed() -> Iterator[list[float]]:
    """The seconds of CPU time of each time that memory is told of debates."""
    from debates.running import afterwards

    tell, spent = afterwards.tell_memory, list[float]()

    def timed(**given: Any) -> None:
        before = time.thread_time()
        tell(**given)
        spent.append(time.thread_time() - before)

    afterwards.tell_memory = timed
    try:
        yield spent
    finally:
        afterwards.tell_memory = tell


def figures_of(options: argparse.Namespace, *, at_once: int) -> list[Figure]:
    """Runs with and without recall take turns: whatever else the machine does slows both."""
    runs = [
        (
            measure(options, at_once=at_once, use_memory=False),
            measure(options, at_once=at_once, use_memory=True),
        )
        for _ in range(options.runs)
    ]
    name = f"{at_once} at a time"
    walls = [bare.wall for bare, _ in runs]
    return [
        Figure(name, walls, "ms a debate", at_most=MILLISECONDS),
        Figure(name, [1000 / wall for wall in walls], "debates a s", at_least=A_SECOND),
        Figure(f"{name}, CPU", [bare.cpu for bare, _ in runs], "ms a debate"),
        Figure(f"{name}, with recall", [full.wall for _, full in runs], "ms a debate"),
        Figure(f"{name}, with recall, CPU", [full.cpu for _, full in runs], "ms a debate"),
        Figure(
            f"{name}, of that remembering", [full.remembering for _, full in runs], "ms a debate"
        ),
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """What the process has, in megabytes, and its descriptors."""

    own: float
    vectors: float
    descriptors: int


def measure_growth(options: argparse.Namespace) -> list[Figure]:
    """What the process has more after so many debates than after the first of them, all in one
    run: threads, connections and caches are there by then."""
    from monitoring.allocator import give_back

    settled, total = options.debates, options.debates + options.growth
    found: dict[int, Held] = {}

    def look(number: int) -> None:
        if number in (settled, total):
            gc.collect()
            give_back()  # As the dispatcher does after its regular work.
            found[number] = Held(own_megabytes(), vector_megabytes(), descriptors())

    debates = store_debates(total, agents=options.agents, rounds=options.rounds)
    uvloop.run(run_debates(debates, at_once=MANY, after_each=look))
    before, after = found[settled], found[total]
    what = f"over {options.growth} debates more"
    vectors = after.vectors - before.vectors
    grown = after.own - before.own - vectors
    opened = float(after.descriptors - before.descriptors)
    return [
        Figure(f"own memory {what}", [grown], "MB", at_most=GROWTH_MEGABYTES),
        Figure(f"vectors at hand {what}", [vectors], "MB"),
        Figure(f"descriptors {what}", [opened], "", at_most=LATE_DESCRIPTORS),
    ]


def vector_megabytes() -> float:
    """Of the entries of memory, and of the questions, that are searched without an index."""
    from debates.selectors import questions
    from memory.selectors import search

    return (questions.bytes_at_hand() + search.bytes_at_hand()) / 1024**2


def own_megabytes() -> float:
    """The memory that is this process's alone, without mapped files."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@across_tenants(Purpose.OPERATOR)
def check(options: argparse.Namespace) -> None:
    """That what was measured did what it should."""
    from debates.choices import DebateStatus
    from debates.models import Debate, Match, Turn

    debates = Debate.objects.count()
    assert Debate.objects.filter(status=DebateStatus.COMPLETED).count() == debates
    turns = options.agents * (options.rounds + 2)
    assert Turn.objects.count() == debates * turns, (Turn.objects.count(), debates, turns)
    print(f"{debates} debates of {turns} turns each, {Match.objects.count()} decided")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debates", type=int, default=200, help="a run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, default=1000, help="debates; 0 leaves it out")
    parser.add_argument("--profile", metavar="FILE", help="profile one run of fifty at a time")
    options = parser.parse_args()
    with scratch_directory() as directory:
        prepare_django(directory)
        if options.profile:
            profile(options)
            return 0
        return measure_all(options)


def measure_all(options: argparse.Namespace) -> int:
    uvloop.run(run_debates(store_debates(20, agents=3, rounds=3), at_once=5))  # Imports, caches.
    from debates.models import Debate
    from monitoring.collector import leave_out_what_is_loaded

    with across_tenants(Purpose.OPERATOR):
        Debate.objects.all().delete()
    leave_out_what_is_loaded()
    figures: list[Figure] = []
    for at_once in (1, MANY):
        figures += figures_of(options, at_once=at_once)
    if options.growth:
        figures += measure_growth(options)
    check(options)
    return report(figures)


def profile(options: argparse.Namespace) -> None:
    """Where the time goes on the event loop's thread, and on the database's."""
    import threading

    profiler = cProfile.Profile()
    others = cProfile.Profile()
    debates = store_debates(options.debates, agents=options.agents, rounds=options.rounds)
    threading.setprofile(lambda *_: others.enable())
    profiler.enable()
    elapsed = uvloop.run(run_debates(debates, at_once=MANY))
    profiler.disable()
    threading.setprofile(None)  # type: ignore[arg-type]
    print(f"{1000 * elapsed / len(debates):.2f} ms a debate, profiled")
    profiler.dump_stats(options.profile)
    pstats.Stats(options.profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    sys.exit(main())
