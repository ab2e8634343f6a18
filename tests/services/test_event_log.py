"""Events are numbered without a gap, together with the change that they tell of, or not at all."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from aragora_site.bulk import Add
from debates.choices import DebateStatus, EventType
from debates.models import Debate, DebateEvent
from debates.services.events import FenceMoved, NewEvent, append_events, publish_after_commit
from debates.streaming import publisher
from tests.factories import make_debate, make_event

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROPOSE = NewEvent(EventType.PROPOSE, {"answer": "Yes"}, round=0, agent="ada")
ROUND_END = NewEvent(EventType.ROUND_END, {"round_number": 0}, round=0)


def numbers(debate: Debate) -> list[int]:
    return list(DebateEvent.objects.filter(debate=debate).values_list("seq", flat=True))


def test_numbers_begin_at_one_and_go_on() -> None:
    debate, other = make_debate(), make_debate()
    first = append_events(debate_id=debate.pk, events=[PROPOSE, ROUND_END], now=NOW)
    append_events(debate_id=other.pk, events=[PROPOSE], now=NOW)
    second = append_events(debate_id=debate.pk, events=[ROUND_END], now=NOW)
    assert [row.seq for row in [*first, *second]] == numbers(debate) == [1, 2, 3]
    debate.refresh_from_db()
    assert debate.last_seq == 3


def test_a_row_holds_what_was_given() -> None:
    debate = make_debate()
    append_events(debate_id=debate.pk, events=[PROPOSE], now=NOW)
    row = DebateEvent.objects.get(debate=debate)
    assert (row.type, row.data, row.round, row.agent, row.created_at) == (
        EventType.PROPOSE,
        {"answer": "Yes"},
        0,
        "ada",
        NOW,
    )


def test_changes_are_made_with_the_events() -> None:
    debate = make_debate(fence=4)
    append_events(
        debate_id=debate.pk,
        events=[ROUND_END],
        now=NOW,
        fence=4,
        statuses=frozenset({DebateStatus.PENDING}),
        changes={"status": DebateStatus.RUNNING, "round": 2, "fence": Add(1)},
    )
    debate.refresh_from_db()
    assert (debate.status, debate.round, debate.fence, debate.last_seq) == ("running", 2, 5, 1)


def test_no_events_still_make_the_changes_and_ask_the_fence() -> None:
    debate = make_debate(fence=4)
    assert (
        append_events(debate_id=debate.pk, events=[], now=NOW, fence=4, changes={"round": 1}) == []
    )
    debate.refresh_from_db()
    assert (debate.round, debate.last_seq) == (1, 0)


@pytest.mark.parametrize(
    "guard",
    [{"fence": 3}, {"fence": 5}, {"statuses": frozenset({DebateStatus.RUNNING})}],
)
def test_behind_a_moved_fence_nothing_is_written(guard: dict[str, object]) -> None:
    debate = make_debate(fence=4)
    with pytest.raises(FenceMoved):
        append_events(debate_id=debate.pk, events=[PROPOSE], now=NOW, changes={"round": 9}, **guard)
    debate.refresh_from_db()
    assert (numbers(debate), debate.last_seq, debate.round) == ([], 0, 0)


def test_a_debate_that_is_gone_is_a_moved_fence() -> None:
    with pytest.raises(FenceMoved):
        append_events(debate_id=uuid4(), events=[PROPOSE], now=NOW)


def test_a_failed_transaction_leaves_no_gap() -> None:
    debate = make_debate()
    with transaction.atomic():
        append_events(debate_id=debate.pk, events=[PROPOSE], now=NOW)
        transaction.set_rollback(True)
    append_events(debate_id=debate.pk, events=[PROPOSE], now=NOW)
    assert numbers(debate) == [1]


def test_a_number_is_given_once() -> None:
    debate = make_debate()
    row = make_event(debate)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_it_takes_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    debate = make_debate()
    events = [PROPOSE] * 20
    with transaction.atomic(), django_assert_num_queries(2):
        # Between them, on SQLite, only the savepoint of the insert in bulk.
        append_events(debate_id=debate.pk, events=events, now=NOW, fence=0, changes={"round": 1})


class Broken:
    """A stream that cannot be told."""

    def put(self, frames: object) -> None:
        raise OSError("gone")


def test_a_stream_that_is_gone_undoes_nothing(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    debate, broken = make_debate(), Broken()
    publisher.attach(broken)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            rows = append_events(debate_id=debate.pk, events=[PROPOSE], now=NOW)
            publish_after_commit(debate_id=debate.pk, rows=rows)
    finally:
        publisher.detach(broken)
    assert numbers(debate) == [1]
