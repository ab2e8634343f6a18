"""What becomes of a debate when its worker leaves, dies or breaks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from debates.choices import DebateStatus, EventType
from debates.engine.types import StopReason
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.models import Debate, DebateEvent, Turn, UsageRecord
from debates.providers.base import AgentSpec
from debates.running import claims, holders, loading
from debates.running.claims import MAX_ATTEMPTS
from debates.running.loading import take_waiting
from tests.factories import make_debate, make_spec
from tests.support.debating import (
    PATIENCE_SECONDS,
    Ears,
    Worker,
    assert_consistent,
    assert_whole,
    model_debate,
)

ELSEWHERE = "elsewhere/1:17:4711.1"
"""A holder on another host, of which nothing can be known."""


def left_behind(**fields: Any) -> Debate:
    """A debate that some worker has begun and holds a lease on."""
    now = timezone.now()
    return make_debate(
        **{
            "status": DebateStatus.RUNNING,
            "started_at": now,
            "fence": 1,
            "lease_holder": ELSEWHERE,
            "lease_expires_at": now - timedelta(seconds=1),
            **fields,
        }
    )


# --- Leaving -----------------------------------------------------------------------------------


def test_leaving_lets_turns_finish_and_hands_the_debate_back(
    heard: Ears, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(fault=Fault.HOLD)] * 3)
    debate = model_debate(model_server)
    worker = Worker()
    with worker:
        for seen in model_server.wait_for_requests(3):
            assert seen.started.wait(PATIENCE_SECONDS)
        worker.begin_stop(grace_seconds=PATIENCE_SECONDS)
        model_server.release()
        worker.stop()

    debate.refresh_from_db()
    assert debate.status == DebateStatus.PENDING
    assert (debate.lease_holder, debate.attempts) == ("", 0)
    assert Turn.objects.filter(debate=debate).count() == len(model_server.requests) == 3
    assert_consistent(debate)
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert len(model_server.requests) == 12
    assert debate.status == DebateStatus.COMPLETED
    assert_whole(debate)


def test_after_the_grace_calls_are_cut_off(heard: Ears, model_server: ModelServer) -> None:
    model_server.script(*[Behaviour(fault=Fault.HOLD)] * 3)
    debate = model_debate(model_server)
    with Worker():
        for seen in model_server.wait_for_requests(3):
            assert seen.started.wait(PATIENCE_SECONDS)

    debate.refresh_from_db()
    assert (debate.status, debate.lease_holder) == (DebateStatus.PENDING, "")
    assert all(seen.disconnected.wait(PATIENCE_SECONDS) for seen in model_server.seen)
    assert UsageRecord.objects.filter(debate=debate, estimated=True).count() == 3
    assert_consistent(debate)


def test_a_debate_that_is_handed_back_keeps_its_place_in_the_queue(
    heard: Ears, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(fault=Fault.HOLD)] * 3)
    debate = model_debate(model_server)
    with Worker():
        model_server.wait_for_requests(3)
    later = model_debate(model_server)
    waiting = claims.next_in_line(timezone.now())
    assert waiting == [debate.pk, later.pk]


# --- Dying -------------------------------------------------------------------------------------


def test_an_expired_lease_is_taken_over(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(
        model_server,
        status=DebateStatus.RUNNING,
        started_at=timezone.now(),
        fence=3,
        lease_holder=ELSEWHERE,
        lease_expires_at=timezone.now() - timedelta(seconds=1),
    )
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert debate.status == DebateStatus.COMPLETED
    assert debate.fence > 3
    assert debate.attempts == 0
    assert_whole(debate)


def test_a_live_lease_is_respected(heard: Ears) -> None:
    debate = left_behind(lease_expires_at=timezone.now() + timedelta(minutes=1))
    waiting = left_behind(
        status=DebateStatus.PENDING, lease_expires_at=timezone.now() + timedelta(minutes=1)
    )
    other = make_debate()
    with Worker():
        heard.wait_for_end(other.pk)
    for held in (debate, waiting):
        held.refresh_from_db()
        assert (held.lease_holder, held.fence) == (ELSEWHERE, 1)


def test_a_worker_that_was_killed_and_whose_parent_has_not_noticed_is_dead() -> None:
    ours = holders.Holder.parse(holders.new_holder())
    assert ours is not None
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert holders.is_certainly_dead(str(holders.Holder(ours.host, child.pid, "x", 1)))


def test_a_dead_process_of_this_host_is_taken_over_at_once(heard: Ears) -> None:
    ours = holders.Holder.parse(holders.new_holder())
    assert ours is not None
    earlier = holders.Holder(ours.host, ours.pid, "1", 1)  # The same id in an earlier life.
    debate = left_behind(
        lease_holder=str(earlier), lease_expires_at=timezone.now() + timedelta(minutes=1)
    )
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert debate.status == DebateStatus.COMPLETED


def test_each_death_is_counted_and_the_fifth_fails_the_debate(transactional_db: None) -> None:
    debate = left_behind()
    for death in range(1, MAX_ATTEMPTS):
        assert claims.recover(holder="x", running=[], now=timezone.now()) == 1
        debate.refresh_from_db()
        assert (debate.status, debate.attempts) == (DebateStatus.PENDING, death)
        long_ago = timezone.now() - timedelta(hours=1)
        [taken] = take_waiting(holder=ELSEWHERE, limit=1, now=long_ago)
        assert taken.debate.pk == debate.pk
    claims.recover(holder="x", running=[], now=timezone.now())
    debate.refresh_from_db()
    assert (debate.status, debate.stop_reason) == (DebateStatus.FAILED, StopReason.CRASHED)
    assert "5 workers" in debate.failure
    events = DebateEvent.objects.filter(debate=debate).order_by("seq")
    assert [event.type for event in events][-2:] == ["debate_failed", "debate_end"]
    assert_whole(debate)


def test_a_turn_more_clears_the_count(heard: Ears, model_server: ModelServer) -> None:
    model_server.script(Behaviour(model="cleo-contrary", fault=Fault.HOLD))
    debate = model_debate(model_server, attempts=MAX_ATTEMPTS - 1)
    with Worker():
        heard.wait_for_event(debate.pk, EventType.PROPOSE, 2)
    debate.refresh_from_db()
    assert debate.attempts == 0


def test_the_dead_leave_no_lease_on_a_paused_debate(transactional_db: None) -> None:
    debate = left_behind(status=DebateStatus.PAUSED)
    claims.recover(holder="x", running=[], now=timezone.now())
    debate.refresh_from_db()
    assert (debate.status, debate.lease_holder) == (DebateStatus.PAUSED, "")
    assert debate.attempts == 0


# --- Breaking ----------------------------------------------------------------------------------


def test_a_debate_that_breaks_its_workers_fails(
    heard: Ears, caplog: pytest.LogCaptureFixture
) -> None:
    """A provider that nobody knows is an error of the program, not of an agent."""
    panel: list[AgentSpec] = [make_spec(name, provider="oracle") for name in ("ada", "ben")]
    debate = make_debate("A secret question", panel=panel)
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert (debate.status, debate.stop_reason) == (DebateStatus.FAILED, StopReason.CRASHED)
    assert debate.attempts == MAX_ATTEMPTS
    assert_whole(debate)
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("no_jobs_yet")
def test_a_database_that_does_not_answer_in_time_is_no_crash_unless_it_answers_others() -> None:
    debate = left_behind(status=DebateStatus.PENDING, phase="draft", lease_holder="")
    locked, done = threading.Event(), threading.Event()

    def hold_the_turns() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE debates_turn IN ACCESS EXCLUSIVE MODE")
            locked.set()
            done.wait(PATIENCE_SECONDS)
        connections.close_all()

    holding = threading.Thread(target=hold_the_turns)
    holding.start()
    assert locked.wait(PATIENCE_SECONDS)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
            with pytest.raises(OperationalError):
                take_waiting(holder=ELSEWHERE, limit=1, now=timezone.now())
            debate.refresh_from_db()
            assert (debate.status, debate.attempts) == (DebateStatus.PENDING, 0)
            other = make_debate()
            [taken] = take_waiting(holder=ELSEWHERE, limit=1, now=timezone.now())
            assert taken.debate.pk == other.pk
            cursor.execute("RESET lock_timeout")
    finally:
        done.set()
        holding.join()

    debate.refresh_from_db()
    assert (debate.status, debate.attempts) == (DebateStatus.PENDING, 1)
    [taken] = take_waiting(holder=ELSEWHERE, limit=1, now=timezone.now())
    assert taken.debate.pk == debate.pk


@pytest.mark.parametrize("limit", [1, 3])
def test_a_debate_that_cannot_be_read_leaves_the_others_alone_and_is_given_up(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """What the database says of the one could be said of all, if it were away."""
    unreadable = make_debate()
    read = loading.load

    def load(debate: Debate) -> loading.Loaded:
        if debate.pk == unreadable.pk:
            raise OperationalError("too many SQL variables")
        return read(debate)

    def take() -> list[UUID]:
        found = take_waiting(holder=ELSEWHERE, limit=limit, now=timezone.now())
        return [taken.debate.pk for taken in found]

    monkeypatch.setattr(loading, "load", load)
    with pytest.raises(OperationalError):
        take()
    for attempts in range(MAX_ATTEMPTS):
        unreadable.refresh_from_db()
        assert (unreadable.status, unreadable.attempts) == (DebateStatus.PENDING, attempts)
        debate = make_debate()
        assert take() == [debate.pk]
    unreadable.refresh_from_db()
    assert (unreadable.status, unreadable.stop_reason) == (
        DebateStatus.FAILED,
        StopReason.CRASHED,
    )
    assert_whole(unreadable)


def test_one_broken_debate_leaves_the_others_alone(heard: Ears) -> None:
    broken = make_debate(panel=[make_spec(name, provider="oracle") for name in ("ada", "ben")])
    sound = make_debate()
    with Worker():
        heard.wait_for_end(broken.pk)
        assert heard.wait_for_end(sound.pk).status == DebateStatus.COMPLETED
