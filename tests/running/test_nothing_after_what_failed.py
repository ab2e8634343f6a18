"""A turn that could not be stored is not followed by later ones of its debate: they would have a
place behind it that nobody could fill, and no worker could ever go on from there."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal

from django.db import connections, transaction
from django.utils import timezone

from debates.choices import DebateStatus
from debates.engine.planner import next_step
from debates.engine.types import Ask, Spent
from debates.models import Debate, Turn
from debates.running import claims
from debates.running.checkpoint import Checkpoint, Standing, TurnRow
from debates.running.loading import Loaded, take_waiting
from debates.running.logbook import Logbook
from debates.running.threads import DatabaseThreads
from debates.running.writer import JOINING_TURNS, Writer
from tests.factories import make_debate
from tests.support.debating import PATIENCE_SECONDS, Ears, Worker, assert_whole

Result = Standing | BaseException


def turns_of(loaded: Loaded) -> list[TurnRow]:
    """The first turns of a debate, each of which only says that its agent did not answer."""
    step = next_step(loaded.setup, (), Spent())
    assert isinstance(step, Ask)
    return [
        TurnRow(
            *(loaded.debate.pk, index, call.key.round, call.key.phase, call.key.agent),
            *(call.key.part, "", None, "away", "Nobody answers.", "", ""),
            *(0, 0, Decimal(0), 1.0, timezone.now()),
        )
        for index, call in enumerate(step.calls)
    ]


async def write_three(loaded: Loaded, under_way: threading.Event) -> list[Result]:
    """The first cannot be stored; the second is asked for meanwhile, the third afterwards."""
    debate, threads = loaded.debate, DatabaseThreads(1)
    logbook = Logbook(
        Writer(threads),
        tenant=debate.workspace_id,
        last_seq=debate.last_seq,
        others_spoke=False,
        on_news=lambda standing: None,
    )
    first, *others = (
        Checkpoint(debate.pk, debate.fence, timezone.now(), turns=[turn])
        for turn in turns_of(loaded)
    )
    no_turn = first.turns[0]._replace(failure_code="")  # Neither a reply nor a failure.
    asked = [logbook.write(Checkpoint(debate.pk, debate.fence, timezone.now(), turns=[no_turn]))]
    for _ in range(JOINING_TURNS + 1):
        await asyncio.sleep(0)  # The writer waits so long for more to write with it.
    asked.append(logbook.write(others[0]))
    under_way.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    results += await asyncio.gather(logbook.write(others[1]), return_exceptions=True)
    await asyncio.to_thread(threads.close)
    return results


def test_what_comes_after_a_turn_that_could_not_be_stored_is_not_stored(heard: Ears) -> None:
    debate = make_debate()
    [loaded] = take_waiting(holder="a", limit=1, now=timezone.now())
    results: list[Result] = []
    under_way = threading.Event()

    def write() -> None:
        results.extend(asyncio.run(write_three(loaded, under_way)))
        connections.close_all()

    writing = threading.Thread(target=write)
    with transaction.atomic():  # So that the first waits until the second is asked for.
        Debate.objects.filter(pk=debate.pk).update(title=debate.title)
        writing.start()
        assert under_way.wait(PATIENCE_SECONDS)
    writing.join(PATIENCE_SECONDS)

    assert [type(result).__name__ for result in results] == ["IntegrityError"] * 3
    assert not Turn.objects.filter(debate=debate).exists()
    claims.give_up(debate_id=debate.pk, fence=loaded.debate.fence, now=timezone.now())
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert debate.status == DebateStatus.COMPLETED
    assert_whole(debate)
