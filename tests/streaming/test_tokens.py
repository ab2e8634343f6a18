"""Text as it is spoken: coalesced, never mixed, and whole for those who join late."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from debates.choices import EventType
from debates.models import Debate
from debates.services.events import NewEvent, append_events, publish_after_commit
from tests.factories import make_debate
from tests.support.streams import Frame, Reader, StreamServer, add_events, add_token_frames, reader


def spoken(frames: list[Frame], turn_id: str) -> str:
    """The text of a turn as a client puts it together."""
    text = ""
    for frame in frames:
        if frame["data"].get("turn_id") != turn_id:
            continue
        if frame["type"] == "token_start":
            text = ""
        elif frame["type"] == "token_delta":
            assert frame["data"]["offset"] == len(text)
            text += frame["data"]["text"]
    return text


def until_spoken(client: Reader, turn_id: str, text: str) -> None:
    while spoken(client.frames, turn_id) != text:
        client.next()


def test_deltas_are_coalesced(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        add_token_frames(debate, "1:draft:ada", "a" * 500)
        until_spoken(client, "1:draft:ada", "a" * 500)
        deltas = [frame for frame in client.frames if frame["type"] == "token_delta"]
        assert len(deltas) < 50
        assert all("seq" not in frame for frame in deltas)
        assert deltas[0]["agent"] == "ada"


def test_a_turn_is_closed_by_its_event_after_its_last_word(
    stream: StreamServer, debate: Debate
) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        add_token_frames(debate, "1:draft:ada", "the tram")
        add_events(debate)
        client.until_seq(1)
        assert spoken(client.frames, "1:draft:ada") == "the tram"


def test_who_joins_late_gets_the_text_so_far(stream: StreamServer, debate: Debate) -> None:
    add_token_frames(debate, "1:draft:ada", "the tram ")
    add_token_frames(debate, "1:draft:ben", "no tram ", agent="ben")
    with reader(stream, debate.pk) as early:
        until_spoken(early, "1:draft:ada", "the tram ")
        with reader(stream, debate.pk) as late:
            until_spoken(late, "1:draft:ada", "the tram ")
            until_spoken(late, "1:draft:ben", "no tram ")


def test_a_finished_turn_is_not_told_again(stream: StreamServer, debate: Debate) -> None:
    add_token_frames(debate, "1:draft:ada", "the tram")
    event = NewEvent(EventType.PROPOSE, {"turn_id": "1:draft:ada"}, round=1, agent="ada")
    with transaction.atomic():
        rows = append_events(debate_id=debate.pk, events=[event], now=timezone.now())
        publish_after_commit(debate_id=debate.pk, rows=rows)
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        client.send("ping")
        client.until("pong")
        assert "token_start" not in client.types


def test_tokens_of_concurrent_debates_never_mix(stream: StreamServer, debate: Debate) -> None:
    other = make_debate()
    with reader(stream, debate.pk) as one, reader(stream, other.pk) as two:
        one.until("replay_end")
        two.until("replay_end")
        for letter in range(20):
            add_token_frames(debate, f"{letter}:a", "one")
            add_token_frames(other, f"{letter}:b", "two")
        add_events(debate)
        add_events(other)
        one.until_seq(1)
        two.until_seq(1)
    for client, id_, word in ((one, debate.pk, "one"), (two, other.pk, "two")):
        deltas = [frame for frame in client.frames if frame["type"] == "token_delta"]
        assert {frame["debate_id"] for frame in deltas} == {str(id_)}
        assert {frame["data"]["text"] for frame in deltas} == {word}
