"""A dispatcher on a thread of its own, and ears for what it publishes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Sum

from debates.choices import TERMINAL_STATUSES, EventType
from debates.mock_llm.server import ModelServer
from debates.models import Debate, DebateEvent, Turn, UsageRecord
from debates.providers.base import AgentSpec
from debates.providers.clients import close_clients
from debates.providers.gateway import Gateway
from debates.running.dispatcher import Dispatcher
from debates.streaming import publisher
from debates.streaming.envelope import Frame
from tests.factories import make_debate, make_model_spec

PATIENCE_SECONDS = 60.0
"""How long a test waits for what has to come."""

MODELS = {"ada": "ada-large", "ben": "ben-small", "cleo": "cleo-contrary"}
"""A panel that disagrees: ada says yes, ben gives way in the first exchange, cleo never does."""


class Worker:
    """A dispatcher with an event loop of its own. A context manager."""

    def __init__(self, kind: type[Dispatcher] = Dispatcher, **options: Any) -> None:
        """`options` are those of `Dispatcher`; but two places unless told otherwise."""
        self._kind = kind
        self._options = {"limit": 2, **options}
        self._ready = threading.Event()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Future[float] | None = None

    def __enter__(self) -> Worker:
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self, *, grace_seconds: float = 0.0) -> None:
        """Drain and end; returns when the thread is gone."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._begin_stop, grace_seconds)
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the dispatcher did not stop"

    def begin_stop(self, *, grace_seconds: float) -> None:
        """Drain without waiting for the end; returns when the runs know."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._begin_stop, grace_seconds)
        assert self._leaving.wait(PATIENCE_SECONDS)

    def _begin_stop(self, grace_seconds: float) -> None:
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(grace_seconds)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = self._loop.create_future()
        dispatcher = self._kind(gateway=Gateway(), **self._options)
        await dispatcher.start()
        self._ready.set()
        grace = await self._stop
        stopping = asyncio.create_task(dispatcher.stop(grace_seconds=grace))
        await asyncio.sleep(0)  # It has told the runs when it first waits.
        self._leaving.set()
        await stopping
        await close_clients()


class Ears:
    """Keeps every frame that this process publishes, and can wait for one."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._changed = threading.Condition()

    def put(self, frames: Sequence[Frame]) -> None:
        with self._changed:
            self.frames.extend(frames)
            self._changed.notify_all()

    def of(self, debate_id: UUID, *types: str) -> list[Frame]:
        """The frames of a debate, of some types or of all."""
        return [
            frame
            for frame in list(self.frames)
            if frame.debate_id == str(debate_id) and (not types or frame.type in types)
        ]

    def wait_for(self, found: Callable[[], Any]) -> Any:
        """Block until `found()` is true; its answer. It is looked at after every frame, and often
        enough in between for what comes without one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while not (answer := found()):
                assert time.monotonic() < deadline, (
                    f"never came; the frames: {Counter(frame.type for frame in self.frames)}"
                )
                self._changed.wait(0.05)
        return answer

    def wait_for_event(self, debate_id: UUID, type: EventType, count: int = 1) -> None:
        self.wait_for(lambda: len(self.of(debate_id, type)) >= count)

    def wait_for_end(self, debate_id: UUID) -> Debate:
        """Block until the debate is over; the row."""
        self.wait_for_event(debate_id, EventType.DEBATE_END)
        return Debate.objects.get(pk=debate_id)


@contextlib.contextmanager
def ears() -> Iterator[Ears]:
    """Hear what is published while the context lasts."""
    listening = Ears()
    publisher.attach(listening)
    try:
        yield listening
    finally:
        publisher.detach(listening)


def panel_of(server: ModelServer, **models: str) -> list[AgentSpec]:
    """Snapshots of agents that the server speaks for; `MODELS` unless others are named."""
    return [
        make_model_spec(
            name,
            model=model,
            family=model,
            base_url=server.openai_url,
            api_key_variable="",
        )
        for name, model in (models or MODELS).items()
    ]


def model_debate(server: ModelServer, **fields: Any) -> Debate:
    """A queued debate of the panel that disagrees."""
    fields.setdefault("panel", panel_of(server))
    return make_debate(**fields)


def assert_whole(debate: Debate) -> None:
    """What holds for every debate that is over, however it came there."""
    debate.refresh_from_db()
    assert debate.status in TERMINAL_STATUSES
    assert (debate.lease_holder, debate.lease_expires_at) == ("", None)
    assert_consistent(debate)
    last = DebateEvent.objects.filter(debate=debate).latest("seq")
    assert last.type == EventType.DEBATE_END
    ends = DebateEvent.objects.filter(debate=debate, type=EventType.DEBATE_END)
    assert ends.count() == 1


def assert_consistent(debate: Debate) -> None:
    """What holds for every debate at every moment."""
    debate.refresh_from_db()
    seqs = list(
        DebateEvent.objects.filter(debate=debate).order_by("seq").values_list("seq", flat=True)
    )
    assert seqs == list(range(1, debate.last_seq + 1))
    turns = list(Turn.objects.filter(debate=debate).order_by("index"))
    assert [turn.index for turn in turns] == list(range(len(turns)))
    calls = [(turn.round, turn.phase, turn.agent, turn.part) for turn in turns]
    assert len(calls) == len(set(calls))
    used = UsageRecord.objects.filter(debate=debate).aggregate(
        tokens_in=Sum("input_tokens"), tokens_out=Sum("output_tokens"), cost=Sum("cost_usd")
    )
    assert debate.input_tokens == (used["tokens_in"] or 0)
    assert debate.output_tokens == (used["tokens_out"] or 0)
    assert debate.cost_usd == (used["cost"] or Decimal(0)).quantize(Decimal("0.000001"))
