"""What was missed, then what happens: every event once, in order, wherever the reader stands."""

from __future__ import annotations

import threading
from contextvars import copy_context

import pytest
from django.db import transaction
from django.utils import timezone

from debates.choices import EventType
from debates.models import Debate
from debates.services.events import NewEvent, append_events, publish_after_commit
from tests.support.streams import StreamServer, add_events, reader


def test_a_new_reader_gets_the_whole_log_and_then_what_happens(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 3)
    with reader(stream, debate.pk) as client:
        assert client.next()["type"] == "connection_info"
        subscribed = client.next()
        assert subscribed["type"] == "subscribed"
        assert subscribed["data"]["last_seq"] == 3
        start = client.next()
        assert start["type"] == "replay_start"
        assert start["data"] == {"debate_id": str(debate.pk), "from_seq": 1, "to_seq": 3}
        client.until("replay_end")
        add_events(debate, 2)
        assert client.until_seq(5) == [1, 2, 3, 4, 5]


def test_an_event_has_the_whole_envelope(stream: StreamServer, debate: Debate) -> None:
    [row] = add_events(debate)
    with reader(stream, debate.pk) as client:
        frame = client.until("agent_message")
    assert frame == {
        "type": "agent_message",
        "data": row.data,
        "timestamp": row.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "debate_id": str(debate.pk),
        "loop_id": str(debate.pk),
        "seq": 1,
        "epoch": str(debate.epoch),
        "round": 1,
        "agent": "alice",
        "trace_id": frame["trace_id"],
    }


def test_a_reader_that_comes_back_gets_exactly_what_it_missed(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 5)
    with reader(stream, debate.pk, since_seq=3, epoch=debate.epoch) as client:
        client.until("replay_end")
        assert client.seqs == [4, 5]
        assert "sync" not in client.types


def test_the_frames_ask_for_it_as_the_address_does(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 3)
    with reader(stream) as client:
        client.send("subscribe", loop_id=str(debate.pk), replay_from_seq=2)
        client.until("replay_end")
        assert client.seqs == [3]
        client.send("unsubscribe", debate_id=str(debate.pk))
        client.until("unsubscribed")
        add_events(debate)
        client.send("ping", ts=7)
        assert client.until("pong")["data"] == {"ts": 7}
        assert client.seqs == [3]


@pytest.mark.parametrize("debate_name", ["debate_id", "loop_id"])
@pytest.mark.parametrize("seq_name", ["since_seq", "replay_from_seq"])
def test_the_address_knows_both_words_for_each(
    stream: StreamServer, debate: Debate, debate_name: str, seq_name: str
) -> None:
    add_events(debate, 3)
    with reader(stream, **{debate_name: debate.pk, seq_name: 1}) as client:
        client.until("replay_end")
        assert client.seqs == [2, 3]


def test_the_connection_outlives_the_debate(stream: StreamServer, debate: Debate) -> None:
    event = NewEvent(EventType.DEBATE_END, {"debate_id": str(debate.pk), "status": "completed"})
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        with transaction.atomic():
            rows = append_events(debate_id=debate.pk, events=[event], now=timezone.now())
            publish_after_commit(debate_id=debate.pk, rows=rows)
        client.until("debate_end")
        add_events(debate)  # A match is recorded after the end.
        assert client.until_seq(2) == [1, 2]


def test_a_debate_can_be_named_by_its_slug_and_in_the_path(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 2)
    with reader(stream, path=f"/debates/{debate.slug}") as client:
        assert client.until_seq(2) == [1, 2]


def test_several_debates_on_one_socket_stay_apart(stream: StreamServer, debate: Debate) -> None:
    from tests.factories import make_debate

    other = make_debate()
    with reader(stream) as client:
        client.send("subscribe", debate_id=str(debate.pk))
        client.send("subscribe", debate_id=str(other.pk))
        client.until("replay_end")
        client.until("replay_end")
        add_events(debate, 2)
        add_events(other, 3)
        client.until(lambda frame: frame["debate_id"] == str(other.pk) and frame.get("seq") == 3)
        by_debate: dict[str, list[int]] = {}
        for frame in client.frames:
            if frame["type"] == "agent_message":
                by_debate.setdefault(frame["debate_id"], []).append(frame["seq"])
        assert by_debate == {str(debate.pk): [1, 2], str(other.pk): [1, 2, 3]}


def test_nothing_is_lost_or_doubled_while_events_are_written_during_the_replay(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 300)
    writer = threading.Thread(
        target=copy_context().run, args=(lambda: [add_events(debate, 3) for _ in range(60)],)
    )
    writer.start()
    try:
        for _ in range(5):
            with reader(stream, debate.pk) as client:
                seqs = client.until_seq(330)
                assert seqs == list(range(1, len(seqs) + 1))
    finally:
        writer.join()
    with reader(stream, debate.pk, since_seq=100) as client:
        assert client.until_seq(480) == list(range(101, 481))


def test_a_long_log_is_replayed_in_full(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 1700)
    with reader(stream, debate.pk) as client:
        assert client.until_seq(1700) == list(range(1, 1701))
