"""The log is the truth: what nobody told the hub it finds by itself."""

from __future__ import annotations

from uuid import uuid4

from debates.models import Debate
from debates.streaming.publisher import publish
from tests.support.streams import StreamServer, add_events, reader


def test_a_gap_is_filled_before_what_follows_it(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        add_events(debate, 3, published=False)
        add_events(debate, 1)
        assert client.until_seq(4) == [1, 2, 3, 4]


def test_what_another_process_wrote_unheard_arrives(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        add_events(debate, 3, published=False)
        assert client.until_seq(3) == [1, 2, 3]


def test_doubled_and_reordered_publications_change_nothing(
    stream: StreamServer, debate: Debate
) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        rows = add_events(debate, 4, published=False)
        for row in (rows[2], rows[0], rows[0], rows[3], rows[1], rows[2]):
            publish(debate.pk, [row])
        add_events(debate)
        assert client.until_seq(5) == [1, 2, 3, 4, 5]


def test_another_numbering_is_announced_with_a_snapshot(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 3)
    with reader(stream, debate.pk, since_seq=2, epoch=uuid4()) as client:
        sync = client.until("sync")
        assert sync["data"]["reason"] == "epoch_changed"
        assert sync["seq"] == sync["data"]["seq"] == 3
        assert sync["data"]["snapshot"]["debate"]["id"] == str(debate.pk)
        add_events(debate)
        assert client.until_seq(4) == [4]


def test_a_number_from_the_future_is_answered_with_a_snapshot(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 3)
    with reader(stream, debate.pk, since_seq=99, epoch=debate.epoch) as client:
        assert client.until("sync")["data"]["reason"] == "seq_unknown"
        add_events(debate)
        assert client.until_seq(4) == [4]


def test_a_number_that_only_this_instance_has_not_heard_of_is_good(
    stream: StreamServer, debate: Debate
) -> None:
    with reader(stream, debate.pk) as first:
        first.until("replay_end")
        add_events(debate, 3, published=False)
        with reader(stream, debate.pk, since_seq=3, epoch=debate.epoch) as second:
            second.until("replay_end")
            add_events(debate)
            assert second.until_seq(4) == [4]
            assert "sync" not in second.types
        assert first.until_seq(4) == [1, 2, 3, 4]


def test_a_log_that_begins_anew_is_announced_to_those_who_listen(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 3)
    with reader(stream, debate.pk) as client:
        client.until_seq(3)
        debate.events.filter(seq__gt=1).delete()
        Debate.objects.filter(pk=debate.pk).update(epoch=uuid4(), last_seq=1)
        assert client.until("sync")["data"]["seq"] == 1
        add_events(debate)
        assert client.until("agent_message")["seq"] == 2


def test_a_snapshot_can_be_asked_for(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 3)
    with reader(stream) as client:
        client.send("subscribe", debate_id=str(debate.pk), snapshot=True)
        assert client.until("sync")["data"]["reason"] == "requested"
        client.until("replay_end")
        assert client.seqs == []
