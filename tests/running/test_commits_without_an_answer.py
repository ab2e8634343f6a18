"""A commit that nobody answered, and a database that is away for longer than anything is tried for:
what was to be written is written once, or the debate goes on from what the log says."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus, EventType
from debates.mock_llm.server import ModelServer
from debates.models import Debate, DebateEvent, UsageRecord
from debates.running import checkpoint, writer
from debates.running.checkpoint import (
    Checkpoint,
    Outcome,
    Standing,
    Unanswered,
    Unwritten,
    UsageRow,
)
from debates.running.loading import take_waiting
from debates.running.logbook import Logbook
from debates.running.records import CUT_OFF
from debates.running.threads import DatabaseThreads
from debates.running.writer import JOINING_TURNS, TRIES, Writer
from debates.services.events import NewEvent
from debates.streaming.events import PhaseChange
from tests.factories import make_debate
from tests.support.debating import PATIENCE_SECONDS, Ears, Worker, assert_whole, model_debate

Result = Standing | BaseException
FOR_LONG = 2 * TRIES
FOR_EVER = 10**6


class Database:
    """In place of what the writer calls: the answer to one commit is lost, and then the database
    is away for so many questions."""

    def __init__(self, *, carried_out: bool, away: int, of_turns: bool) -> None:
        self._carried_out = carried_out
        self._away = away
        self._of_turns = of_turns
        self.cut = threading.Event()
        self.writes = 0
        self.usage: list[UsageRow] = []
        """What nobody answered of."""

    def write(self, steps: Sequence[Checkpoint]) -> list[Outcome]:
        self.writes += 1
        if self.cut.is_set() or (self._of_turns and not any(step.turns for step in steps)):
            return checkpoint.write_checkpoints(steps)
        outcomes: list[Outcome] = [Standing(DebateStatus.RUNNING, False, [], 0) for _ in steps]
        if self._carried_out:
            outcomes = checkpoint.write_checkpoints(steps)
        self.usage = [row for step in steps for row in step.usage]
        self.cut.set()
        raise Unanswered(outcomes, OperationalError("cut"))

    def are_written(self, outcomes: Sequence[Outcome]) -> bool:
        if self._away:
            self._away -= 1
            raise OperationalError("away")
        return checkpoint.are_written(outcomes)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., Database]:
    settings.ARAGORA = replace(settings.ARAGORA, lease_seconds=1.0)

    def begin(*, away: int, carried_out: bool = True, of_turns: bool = False) -> Database:
        database = Database(carried_out=carried_out, away=away, of_turns=of_turns)
        monkeypatch.setattr(writer, "write_checkpoints", database.write)
        monkeypatch.setattr(writer, "are_written", database.are_written)
        monkeypatch.setattr(writer, "FIRST_WAIT_SECONDS", 0.01)
        monkeypatch.setattr(writer, "LONGEST_WAIT_SECONDS", 0.05)
        return database

    return begin


Write = Callable[[int], Awaitable[Standing]]


def write(
    use: Callable[[list[Write]], Awaitable[list[Result]]],
) -> tuple[list[Debate], list[Result]]:
    """Two debates that are taken, and what became of the events that `use` has written of each."""
    make_debate()
    make_debate()
    loaded = take_waiting(holder="a", limit=2, now=timezone.now())
    results: list[Result] = []

    async def go() -> None:
        threads = DatabaseThreads(1)
        shared = Writer(threads)
        results.extend(await use([_writing(one.debate, shared) for one in loaded]))
        await asyncio.to_thread(threads.close)

    def run() -> None:
        asyncio.run(go())
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return [one.debate for one in loaded], results


def _writing(debate: Debate, shared: Writer) -> Write:
    logbook = Logbook(
        shared,
        tenant=debate.workspace_id,
        last_seq=debate.last_seq,
        others_spoke=False,
        on_news=lambda standing: None,
    )
    return lambda number: logbook.write(_step(debate, number))


def _step(debate: Debate, number: int) -> Checkpoint:
    change = PhaseChange(
        debate_id=str(debate.pk), from_phase="draft", to_phase="critique", round_number=number
    )
    event = NewEvent(EventType.PHASE_CHANGE, change, round=number)
    return Checkpoint(debate.pk, debate.fence, timezone.now(), [event])


def written_of(debate: Debate) -> list[int | None]:
    """The numbers of the events that the test had written."""
    events = DebateEvent.objects.filter(debate=debate, seq__gt=debate.last_seq).order_by("seq")
    return list(events.values_list("round", flat=True))


async def one_of_each(debates: list[Write]) -> list[Result]:
    return await asyncio.gather(*(one(7) for one in debates), return_exceptions=True)


@pytest.mark.parametrize("carried_out", [True, False])
def test_what_nobody_answered_is_asked_for_until_it_is_known(
    heard: Ears, cut: Callable[..., Database], carried_out: bool
) -> None:
    database = cut(away=FOR_LONG, carried_out=carried_out)
    debates, results = write(one_of_each)
    assert all(isinstance(one, Standing) for one in results)
    assert database.writes == (1 if carried_out else 2)
    assert [written_of(debate) for debate in debates] == [[7], [7]]
    for debate in debates:
        assert len(heard.of(debate.pk, EventType.PHASE_CHANGE)) == 2  # With that which began it.


def test_what_cannot_be_known_is_not_written_again(
    heard: Ears, cut: Callable[..., Database]
) -> None:
    database = cut(away=FOR_EVER)

    async def two_of_the_first(debates: list[Write]) -> list[Result]:
        asked = [one(7) for one in debates]
        for _ in range(JOINING_TURNS + 1):
            await asyncio.sleep(0)  # The writer waits so long for more to write with it.
        asked.append(debates[0](8))
        results = await asyncio.gather(*asked, return_exceptions=True)
        return [*results, *await asyncio.gather(debates[0](9), return_exceptions=True)]

    debates, results = write(two_of_the_first)
    assert [type(one) for one in results] == [Unanswered, Unanswered, Unwritten, Unwritten]
    assert database.writes == 1
    assert [written_of(debate) for debate in debates] == [[7], [7]]


@pytest.mark.usefixtures("transactional_db")
def test_a_debate_that_was_deleted_meanwhile_does_not_hide_the_others() -> None:
    make_debate()
    make_debate()
    debates = [one.debate for one in take_waiting(holder="a", limit=2, now=timezone.now())]
    with across_tenants(Purpose.QUEUE):
        outcomes = checkpoint.write_checkpoints([_step(debate, 7) for debate in debates])
        assert checkpoint.are_written(outcomes)
        debates[1].delete()
        assert checkpoint.are_written(outcomes)
        debates[0].delete()
        assert not checkpoint.are_written(outcomes)


@pytest.mark.parametrize("away", [FOR_LONG, FOR_EVER])
def test_no_turn_is_paid_for_twice(
    heard: Ears, model_server: ModelServer, cut: Callable[..., Database], away: int
) -> None:
    database = cut(away=away, of_turns=True)
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert debate.status == DebateStatus.COMPLETED
    assert_whole(debate)
    used = Counter(
        (agent, call.removesuffix(CUT_OFF))
        for agent, call in UsageRecord.objects.filter(debate=debate).values_list("agent", "call")
    )
    assert database.usage
    assert {used[row.agent, row.call] for row in database.usage} == {1}
    if away == FOR_LONG:
        assert sum(used.values()) == len(model_server.requests) == 12
