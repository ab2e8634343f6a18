"""Cancel, pause, resume and stop, while model calls are under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from debates.choices import DebateStatus, EventType
from debates.engine.types import StopReason
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.models import Debate, DebateEvent, Turn, UsageRecord
from debates.running import wake
from debates.services import control
from tests.support.debating import (
    PATIENCE_SECONDS,
    Ears,
    Worker,
    assert_consistent,
    assert_whole,
    model_debate,
)

HOLD = Fault.HOLD
Steer = Callable[..., Debate]


def held(model: str = "", after_pieces: int = 2) -> Behaviour:
    return Behaviour(fault=HOLD, model=model, after_pieces=after_pieces)


def in_the_middle_of_drafts(server: ModelServer, heard: Ears) -> Debate:
    """A debate in which ada's draft is stored and the other two are being written."""
    server.script(held("ben-small"), held("cleo-contrary"))
    return model_debate(server)


def wait_until_it_is(heard: Ears, server: ModelServer, debate: Debate) -> None:
    heard.wait_for_event(debate.pk, EventType.PROPOSE)
    for seen in server.wait_for_requests(3):
        assert seen.started.wait(PATIENCE_SECONDS)


@pytest.fixture(params=["told at once", "found out by asking"])
def _told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steering from this process wakes the dispatcher; from another one it has to ask."""
    if request.param == "found out by asking":
        monkeypatch.setattr(wake, "_listeners", _Deaf())


class _Deaf(list[Callable[[], None]]):
    """Stands for another process' list of listeners."""

    def append(self, listener: Callable[[], None]) -> None:
        pass


@pytest.mark.usefixtures("_told")
def test_cancel_cuts_off_the_calls_under_way(heard: Ears, model_server: ModelServer) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        control.cancel_debate(debate_id=debate.pk, actor=control.OPERATOR)
        spoken = [seen for seen in model_server.seen if not seen.finished.is_set()]
        assert len(spoken) == 2
        # The server sees the connections close, although it has not said all it wanted to say.
        assert all(seen.disconnected.wait(PATIENCE_SECONDS) for seen in spoken)

    debate.refresh_from_db()
    assert debate.status == DebateStatus.CANCELLED
    assert len(model_server.seen) == 3
    assert Turn.objects.filter(debate=debate).count() == 1
    assert_whole(debate)


@pytest.mark.usefixtures("_told")
def test_what_was_cut_off_is_estimated_and_counted(heard: Ears, model_server: ModelServer) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        control.cancel_debate(debate_id=debate.pk, actor=control.OPERATOR)
    records = UsageRecord.objects.filter(debate=debate, estimated=True).order_by("agent")
    assert [record.call for record in records] == ["0:draft:ben#cut", "0:draft:cleo#cut"]
    assert all(record.input_tokens > 100 for record in records)
    assert all(record.output_tokens > 0 for record in records)
    assert_whole(debate)


def test_a_call_that_finishes_too_late_is_counted_and_not_stored(
    heard: Ears, model_server: ModelServer
) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        # Behind everybody's back, as another worker's claim would be.
        Debate.objects.filter(pk=debate.pk).update(fence=debate.fence + 10)
        model_server.release()
        heard.wait_for(
            lambda: UsageRecord.objects.filter(debate=debate, call__endswith="#cut").count() == 2
        )
    assert Turn.objects.filter(debate=debate).count() == 1
    assert DebateEvent.objects.filter(debate=debate, type=EventType.PROPOSE).count() == 1
    assert_consistent(debate)


@pytest.mark.usefixtures("_told")
def test_pause_lets_calls_finish_and_begins_no_more(heard: Ears, model_server: ModelServer) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        control.pause_debate(debate_id=debate.pk, actor=control.OPERATOR)
        model_server.release()
        heard.wait_for_event(debate.pk, EventType.PROPOSE, 3)

    debate.refresh_from_db()
    assert debate.status == DebateStatus.PAUSED
    assert (debate.lease_holder, debate.lease_expires_at) == ("", None)
    assert len(model_server.requests) == 3
    assert_consistent(debate)


@pytest.mark.usefixtures("_told")
def test_resume_goes_on_without_repeating_a_call(heard: Ears, model_server: ModelServer) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        control.pause_debate(debate_id=debate.pk, actor=control.OPERATOR)
        # Resumed while the last calls are still under way: they finish first.
        control.resume_debate(debate_id=debate.pk, actor=control.OPERATOR)
        model_server.release()
        debate = heard.wait_for_end(debate.pk)

    assert debate.status == DebateStatus.COMPLETED
    assert len(model_server.requests) == Turn.objects.filter(debate=debate).count() == 12
    types = [frame.type for frame in heard.of(debate.pk)]
    assert types.index(EventType.DEBATE_PAUSED) < types.index(EventType.DEBATE_QUEUED)
    assert_whole(debate)


def test_resume_on_the_next_day(heard: Ears, model_server: ModelServer) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        control.pause_debate(debate_id=debate.pk, actor=control.OPERATOR)
        model_server.release()
        heard.wait_for_event(debate.pk, EventType.PROPOSE, 3)
    control.resume_debate(debate_id=debate.pk, actor=control.OPERATOR)
    with Worker():
        heard.wait_for_event(debate.pk, EventType.DEBATE_RESUMED)
        debate = heard.wait_for_end(debate.pk)
    assert len(model_server.requests) == 12
    assert debate.status == DebateStatus.COMPLETED
    assert_whole(debate)


@pytest.mark.usefixtures("_told")
def test_stop_gives_the_verdict_with_what_was_said(heard: Ears, model_server: ModelServer) -> None:
    drafts, exchange = [Behaviour()] * 3, [held()] * 3
    model_server.script(*drafts, *exchange)
    debate = model_debate(model_server)
    with Worker():
        for seen in model_server.wait_for_requests(6)[3:]:
            assert seen.started.wait(PATIENCE_SECONDS)
        control.stop_debate(debate_id=debate.pk, actor=control.OPERATOR)
        debate = heard.wait_for_end(debate.pk)

    assert debate.status == DebateStatus.COMPLETED
    assert debate.stop_reason == StopReason.STOPPED
    assert all(seen.disconnected.is_set() for seen in model_server.seen[3:6])
    assert Turn.objects.filter(debate=debate, phase="exchange").count() == 0
    assert Turn.objects.filter(debate=debate, phase="vote").count() == 3
    assert UsageRecord.objects.filter(debate=debate, estimated=True).count() == 3
    assert_whole(debate)


def test_the_deadline_of_a_debate_cuts_off_as_well(heard: Ears, model_server: ModelServer) -> None:
    model_server.script(held("cleo-contrary"))
    debate = model_debate(model_server, deadline_seconds=1)
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert debate.stop_reason == StopReason.DEADLINE
    [cut] = [seen for seen in model_server.seen if seen.request.model == "cleo-contrary"]
    assert cut.disconnected.wait(PATIENCE_SECONDS)
    assert_whole(debate)


def test_a_deleted_debate_stops_spending_and_its_costs_stay(
    heard: Ears, model_server: ModelServer
) -> None:
    debate = in_the_middle_of_drafts(model_server, heard)
    with Worker():
        wait_until_it_is(heard, model_server, debate)
        Debate.objects.filter(pk=debate.pk).delete()
        held_back = [seen for seen in model_server.seen if not seen.finished.is_set()]
        assert all(seen.disconnected.wait(PATIENCE_SECONDS) for seen in held_back)
    assert UsageRecord.objects.filter(debate=None).count() == 3
