"""A debate has one worker at a time, and only that one writes."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from debates.choices import DebateStatus, EventType
from debates.engine.types import Fail, StopReason
from debates.mock_llm.server import ModelServer
from debates.models import Debate, DebateEvent, Round, Turn, UsageRecord
from debates.running import claims
from debates.running.checkpoint import (
    Checkpoint,
    Closing,
    Opening,
    Standing,
    TurnRow,
    UsageRow,
    write_checkpoints,
)
from debates.running.finishing import Failed
from debates.running.loading import take_waiting
from debates.services.events import FenceMoved, NewEvent
from tests.factories import make_debate
from tests.support.debating import Ears, Worker, assert_consistent, assert_whole, model_debate


def claim(holder: str) -> list[Debate]:
    return [taken.debate for taken in take_waiting(holder=holder, limit=10, now=timezone.now())]


def test_two_dispatchers_race_and_every_debate_has_one_owner(
    heard: Ears, model_server: ModelServer
) -> None:
    debates = [model_debate(model_server) for _ in range(6)]
    with Worker(limit=3), Worker(limit=3):
        for debate in debates:
            heard.wait_for_end(debate.pk)
    assert len(model_server.requests) == 6 * 12
    for debate in debates:
        starts = DebateEvent.objects.filter(debate=debate, type=EventType.DEBATE_START)
        assert starts.count() == 1
        assert_whole(debate)


def test_a_claim_is_given_once(transactional_db: None) -> None:
    debates = {make_debate().pk for _ in range(8)}
    got: list[list[Debate]] = []
    gate = threading.Barrier(4)

    def take(holder: str) -> None:
        gate.wait()
        got.append(claim(holder))
        connections.close_all()

    threads = [threading.Thread(target=take, args=(f"holder-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claimed = [debate.pk for part in got for debate in part]
    assert sorted(claimed) == sorted(debates)


def test_claims_come_in_the_order_of_the_queue(transactional_db: None) -> None:
    debates = [make_debate() for _ in range(3)]
    [taken] = take_waiting(holder="a", limit=1, now=timezone.now())
    first = taken.debate
    assert first.pk == debates[0].pk
    assert (first.status, first.fence, first.lease_holder) == (DebateStatus.RUNNING, 1, "a")
    assert [one.pk for one in claim("b")] == [debate.pk for debate in debates[1:]]


@pytest.mark.parametrize("status", sorted(set(DebateStatus) - {DebateStatus.PENDING}))
def test_only_what_waits_is_claimed(transactional_db: None, status: DebateStatus) -> None:
    make_debate(status=status)
    assert claim("a") == []


def old_checkpoint(debate: Debate) -> Checkpoint:
    """What a worker would write that lost the debate without noticing."""
    now, nothing = timezone.now(), Decimal(0)
    turn = TurnRow(
        *(debate.pk, 0, 0, "draft", "ada", "", "Late.", {}, "", "", "", ""),
        *(7, 7, nothing, 1.0, now),
    )
    used = UsageRow(debate.pk, "ada", "x", "y", "0:draft:ada", 7, 7, nothing, False, now)
    return Checkpoint(
        debate.pk,
        debate.fence,
        now,
        events=[NewEvent(EventType.PROPOSE, {"late": True})],
        changes={"round": 9, "phase": "vote"},
        turns=[turn],
        usage=[used],
        opened=[Opening(debate.pk, 9, now)],
        closed=[Closing(now, 1.0, None, debate.pk, 0)],
        finale=Failed(debate, now, Fail(StopReason.QUORUM, "Late.")),
    )


def test_late_writes_of_an_old_fence_change_nothing(transactional_db: None) -> None:
    debate = make_debate()
    [old] = claim("first")
    claims.give_up(debate_id=old.pk, fence=old.fence, now=timezone.now())
    [new] = claim("second")
    before = Debate.objects.filter(pk=debate.pk).values().get()

    [outcome] = write_checkpoints([old_checkpoint(old)])
    assert isinstance(outcome, FenceMoved)
    claims.hand_back(debate_id=old.pk, fence=old.fence, active_seconds=1.0, now=timezone.now())
    claims.give_up(debate_id=old.pk, fence=old.fence, now=timezone.now())
    claims.release(debate_id=old.pk, fence=old.fence)

    assert Debate.objects.filter(pk=debate.pk).values().get() == before
    assert before["fence"] == new.fence
    assert not Turn.objects.exists()
    assert not UsageRecord.objects.exists()
    assert not Round.objects.filter(number=9).exists()
    assert_consistent(debate)


def test_an_old_fence_does_not_hold_up_the_others_of_its_group(transactional_db: None) -> None:
    make_debate()
    [old] = claim("first")
    claims.give_up(debate_id=old.pk, fence=old.fence, now=timezone.now())
    make_debate()
    current = next(one for one in claim("second") if one.pk != old.pk)
    step = Checkpoint(current.pk, current.fence, timezone.now(), events=[NewEvent(EventType.VOTE)])
    late, current_one = write_checkpoints([old_checkpoint(old), step])
    assert isinstance(late, FenceMoved)
    assert isinstance(current_one, Standing)
    assert DebateEvent.objects.filter(debate=current, type=EventType.VOTE).count() == 1
