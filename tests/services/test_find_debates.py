"""Who sees which debates, and how they are found."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries

from debates import selectors
from debates.choices import DebateStatus, Visibility
from debates.exceptions import NotFound
from tests.factories import make_debate, make_round, make_user, make_verdict

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_private_debate_is_its_owners_alone() -> None:
    alice, bob, charlie = (make_user(name) for name in ("alice", "bob", "charlie"))
    mine = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    for reference in (mine.pk, str(mine.pk), mine.slug):
        assert selectors.get_debate(user=alice, id_or_slug=reference) == mine
    for stranger in (bob, charlie, AnonymousUser(), None):
        assert mine not in selectors.list_debates(user=stranger)
        with pytest.raises(NotFound):
            selectors.get_debate(user=stranger, id_or_slug=mine.slug)


def test_a_public_debate_is_everybodys() -> None:
    debate = make_debate(owner=make_user("alice"))
    for viewer in (make_user("charlie"), AnonymousUser(), None):
        assert selectors.get_debate(user=viewer, id_or_slug=debate.slug) == debate
        assert debate in selectors.list_debates(user=viewer)


NOBODYS_ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("reference", ["nothing", "", "a\0b", "\ud800", NOBODYS_ID, "x" * 5000])
def test_what_is_not_there_is_not_found(reference: str) -> None:
    with pytest.raises(NotFound, match="no such debate"):
        selectors.get_debate(user=None, id_or_slug=reference)


def test_the_newest_come_first() -> None:
    debates = [make_debate(created_at=MIDNIGHT + timedelta(hours=hour)) for hour in (2, 1, 3)]
    assert list(selectors.list_debates(user=None)) == [debates[2], debates[0], debates[1]]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("tram", {"tram", "titled"}),
        ("TRAM worth", {"tram"}),
        ("tram bridge", set()),
        ("100%", {"percent"}),
        ("_", set()),
        ("", {"tram", "titled", "percent"}),
        ("a\0", set()),
        ("\ud800", set()),
    ],
)
def test_all_words_have_to_be_in_the_question_or_the_title(q: str, found: set[str]) -> None:
    debates = {
        "tram": make_debate("Is the tram worth it?"),
        "titled": make_debate("Rails or buses?", title="The Tram"),
        "percent": make_debate("Is it 100% sure?"),
    }
    assert set(selectors.list_debates(user=None, q=q)) == {debates[name] for name in found}


def test_by_status() -> None:
    running = make_debate(status=DebateStatus.RUNNING)
    paused = make_debate(status=DebateStatus.PAUSED)
    make_debate(status=DebateStatus.FAILED)
    statuses = {DebateStatus.RUNNING, DebateStatus.PAUSED}
    assert set(selectors.list_debates(user=None, statuses=statuses)) == {running, paused}


@pytest.mark.parametrize("tag", ["town", 'a"b', "é", "100%", "[", "'"])
def test_by_tag(tag: str) -> None:
    tagged = make_debate(tags=["other", tag])
    make_debate(tags=["x" + tag])
    make_debate()
    assert list(selectors.list_debates(user=None, tag=tag)) == [tagged]


def test_filters_and_search_leave_the_private_ones_private() -> None:
    make_debate("Tram?", owner=make_user("alice"), visibility=Visibility.PRIVATE, tags=["t"])
    found = selectors.list_debates(user=make_user("charlie"), q="tram", tag="t")
    assert not found.exists()


def test_the_queue_is_first_in_first_out() -> None:
    late = make_debate(queued_at=MIDNIGHT + timedelta(hours=1))
    early = make_debate(queued_at=MIDNIGHT)
    running = make_debate(status=DebateStatus.RUNNING, queued_at=MIDNIGHT)
    assert selectors.queue_position(early) == 1
    assert selectors.queue_position(late) == 2
    assert selectors.queue_position(running) is None


def test_a_longer_list_takes_no_more_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(5):
        debate = make_debate(status=DebateStatus.COMPLETED)
        make_verdict(debate)
        make_round(debate)
    with django_assert_num_queries(2):  # the debates with their verdicts; the rounds
        rows = list(selectors.list_debates(user=None)[:20])
        assert len([selectors.debate_object(row) for row in rows]) == 5
        assert len(selectors.debate_summaries(rows)) == 5
