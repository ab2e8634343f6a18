"""The state of a debate, its events and its messages, while it runs and afterwards."""

import pytest
from pytest_django import DjangoAssertNumQueries

from debates import selectors
from debates.choices import DebateStatus, EventType
from debates.models import Debate
from tests.factories import make_debate, make_event, make_proposal

pytestmark = pytest.mark.django_db


@pytest.fixture
def debate() -> Debate:
    """Two rounds of a debate that is not over."""
    debate = make_debate(
        "Is it?", documents=("The tram.",), context="A town.", status=DebateStatus.RUNNING
    )
    make_event(debate, EventType.DEBATE_QUEUED, task="Is it?", queue_position=1)
    make_event(debate, EventType.DEBATE_START)
    make_event(debate, EventType.ROUND_START, round_number=0)
    make_event(debate, EventType.PHASE_CHANGE, to_phase="draft", round_number=0)
    make_proposal(debate, "ben", "No")
    make_proposal(debate, "ada", "Yes")
    make_event(
        debate,
        EventType.AGENT_ERROR,
        agent="cleo",
        round_number=0,
        phase="draft",
        code="timed_out",
        message="Too slow.",
        turn_id="0:draft:cleo",
    )
    make_event(debate, EventType.CONVERGENCE, round_number=0, agreement=0.5, stability=None)
    make_event(debate, EventType.ROUND_END, round_number=0, duration_seconds=1.5)
    make_event(debate, EventType.ROUND_START, round_number=1)
    make_event(debate, EventType.PHASE_CHANGE, to_phase="exchange", round_number=1)
    make_event(
        debate,
        EventType.CRITIQUE,
        agent="ada",
        round_number=1,
        target_agent="ben",
        content="Figures are missing.",
        score=0.4,
        issues=["figures"],
        severity=0.6,
        turn_id="1:exchange:ada",
    )
    make_event(
        debate,
        EventType.AGENT_MESSAGE,
        agent="alice",
        round_number=1,
        content="Think of the children.",
        role="human",
        turn_id="",
    )
    return debate


def test_rounds_have_a_column_for_every_agent(debate: Debate) -> None:
    first, second = selectors.debate_snapshot(debate)["transcript"]["rounds"]
    assert [column["agent"] for column in first["agents"]] == ["ada", "ben", "cleo"]
    ada, ben, cleo = first["agents"]
    assert ada["proposal"]["answer"] == "Yes"
    assert ben["proposal"]["answer"] == "No"
    assert cleo["proposal"] is None
    assert [error["code"] for error in cleo["errors"]] == ["timed_out"]
    assert (first["agreement"], first["stability"], first["duration_seconds"]) == (0.5, None, 1.5)
    assert first["ended_at"] is not None
    assert second["ended_at"] is None
    assert [critique["target_agent"] for critique in second["agents"][0]["critiques"]] == ["ben"]


def test_the_rest_of_the_state(debate: Debate) -> None:
    snapshot = selectors.debate_snapshot(debate)
    assert snapshot["debate"]["task"] == "Is it?"
    assert snapshot["context"] == "A town."
    assert snapshot["documents"] == [{"number": 1, "title": "Document 1", "source": ""}]
    assert (snapshot["seq"], snapshot["epoch"]) == (13, str(debate.epoch))
    assert snapshot["queue_position"] is None
    transcript = snapshot["transcript"]
    assert (transcript["phase"], transcript["verdict"], transcript["end"]) == (
        "exchange",
        None,
        None,
    )
    assert [(note["type"], note["agent"]) for note in transcript["notes"]] == [
        ("agent_message", "alice")
    ]


def test_it_is_the_state_of_its_seq_even_when_the_log_has_grown(debate: Debate) -> None:
    before = selectors.debate_snapshot(debate)
    read_earlier = Debate.objects.get(pk=debate.pk)
    make_event(debate, EventType.ROUND_END, round_number=1, duration_seconds=2.0)
    assert selectors.debate_snapshot(read_earlier) == before
    later = selectors.debate_snapshot(Debate.objects.get(pk=debate.pk))
    assert later["seq"] == before["seq"] + 1
    assert later["transcript"]["rounds"][1]["duration_seconds"] == 2.0


def test_a_waiting_debate_says_where_it_stands() -> None:
    make_debate(status=DebateStatus.PENDING)
    second = make_debate(status=DebateStatus.PENDING)
    snapshot = selectors.debate_snapshot(second)
    assert (snapshot["queue_position"], snapshot["seq"]) == (2, 0)
    assert snapshot["transcript"]["rounds"] == []


def test_events_are_listed_after_a_number(debate: Debate) -> None:
    assert [row.seq for row in selectors.list_events(debate=debate, since=0, limit=3)] == [1, 2, 3]
    assert [row.seq for row in selectors.list_events(debate=debate, since=11)] == [12, 13]
    assert selectors.list_events(debate=debate, since=13) == []


def test_messages_are_there_while_the_debate_runs(debate: Debate) -> None:
    found = selectors.messages(debate=debate, limit=10)
    assert selectors.count_messages(debate) == len(found) == 4
    assert [
        (message["index"], message["role"], message["agent"], message["round"], message["phase"])
        for message in found
    ] == [
        (0, "assistant", "ben", 0, "draft"),
        (1, "assistant", "ada", 0, "draft"),
        (2, "assistant", "ada", 1, "exchange"),
        (3, "user", "alice", 1, ""),
    ]
    assert found[0]["content"] == "No, because of the figures."
    assert found[0]["metadata"]["answer"] == "No"
    assert found[2]["metadata"]["type"] == "critique"
    assert "content" not in found[0]["metadata"]


def test_a_page_of_messages_keeps_its_indexes(debate: Debate) -> None:
    found = selectors.messages(debate=debate, limit=2, offset=1)
    assert [(message["index"], message["agent"]) for message in found] == [(1, "ada"), (2, "ada")]


def test_a_long_debate_takes_no_more_queries(
    debate: Debate, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        make_proposal(debate)
    found = selectors.get_debate(user=None, id_or_slug=debate.pk)
    with django_assert_num_queries(2):  # the events; the documents
        selectors.debate_snapshot(found)
    with django_assert_num_queries(1):
        selectors.messages(debate=found, limit=100)
