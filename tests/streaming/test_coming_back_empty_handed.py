"""A client that comes back within a minute without naming its debate goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from debates.choices import Visibility
from debates.models import Debate, StreamPlace
from debates.streaming import consumers, places, whereabouts
from debates.streaming.places import Found, Known, Place
from tests.factories import give_to, make_debate, make_stream_place, make_user
from tests.streaming.test_privacy import cookie_of
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import Reader, StalledReader, StreamServer, add_events, is_event, reader

KIB = 1024


@contextlib.contextmanager
def cut_off(stream: StreamServer, debate: Debate, **options: object) -> Iterator[Reader]:
    """A client as the Python one is: it names its debate when it first connects, and no number.
    When the context ends its connection breaks, and the server knows."""
    with reader(stream, debate.pk, **options) as client:  # type: ignore[arg-type]
        client.until("replay_end")
        before = StreamPlace.objects.filter(left=True).count()
        yield client
        client.socket.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: StreamPlace.objects.filter(left=True).count() > before)


def until(holds: Callable[[], bool]) -> None:
    """What the server does with a socket that is gone shows in the database alone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def test_it_gets_what_it_missed_and_what_follows(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 3)
    with cut_off(stream, debate) as client:
        assert client.until_seq(3) == [1, 2, 3]
    add_events(debate, 2)
    with reader(stream) as again:
        assert again.until("subscribed")["data"]["since_seq"] == 3
        add_events(debate)
        assert again.until_seq(6) == [4, 5, 6]
        assert "sync" not in again.types


def test_all_of_its_debates_go_on(stream: StreamServer, debate: Debate) -> None:
    other, third = make_debate(), make_debate()
    with cut_off(stream, debate) as client:
        for one in (other, third):
            client.send("subscribe", debate_id=str(one.pk))
            client.until("replay_end")
        client.send("unsubscribe", debate_id=str(third.pk))
        client.until("unsubscribed")
    with reader(stream) as again:
        again.until("replay_end")
        again.until("replay_end")
        for one in (third, debate, other):
            add_events(one)
        again.until(lambda frame: is_event(frame) and frame["debate_id"] == str(other.pk))
        assert {frame["debate_id"] for frame in again.frames if is_event(frame)} == {
            str(debate.pk),
            str(other.pk),
        }


def test_a_drained_instance_hands_its_readers_on(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 2)
    with reader(stream, debate.pk) as client:
        client.until_seq(2)
        stream.call(lambda: stream.hub.drain(0))
        assert client.until_closed() == 1012
    add_events(debate)
    stream.call(stream.hub.stop)
    stream.call(stream.hub.start)
    with reader(stream) as again:
        assert again.until_seq(3) == [3]


def test_a_slow_reader_goes_on_after_the_last_event_that_it_was_sent(
    stream: StreamServer, debate: Debate
) -> None:
    stalled = StalledReader(stream, debate.pk)
    with reader(stream, debate.pk, since_seq=0) as client:
        client.until("replay_end")
        for _ in range(40):
            add_events(debate, 5, content="x" * 64 * KIB)
        client.until_seq(200)
        frames, code = stalled.read_to_the_end()
        assert code == 1013
        seqs = [frame["seq"] for frame in frames if is_event(frame)]
        with reader(stream) as again:
            assert again.until_seq(200) == list(range(seqs[-1] + 1, 201))


@pytest.mark.parametrize("goodbye", [1000, 1001])
def test_who_says_goodbye_does_not_go_on(
    stream: StreamServer, debate: Debate, goodbye: int
) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        client.socket.close(goodbye)
    stream.call(lambda: stream.hub.all_left(5))
    assert_it_follows_nothing(stream, debate)


def test_who_numbers_what_it_has_is_not_noted(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk, since_seq=0) as client:
        client.until("replay_end")
        client.send("subscribe", debate_id=str(make_debate().pk), since_seq=0)
        client.until("replay_end")
        assert not StreamPlace.objects.exists()


def test_it_is_taken_up_once(stream: StreamServer, debate: Debate) -> None:
    with cut_off(stream, debate):
        pass
    with reader(stream) as again:
        again.until("replay_end")
        assert_it_follows_nothing(stream, debate)


def test_who_is_somebody_else_gets_nothing(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    with cut_off(stream, debate, headers=cookie_of(alice)):
        pass
    assert_it_follows_nothing(stream, debate)
    assert_it_follows_nothing(stream, debate, cookie_of(make_user("charlie")))
    with reader(stream, headers=cookie_of(alice)) as again:
        again.until("replay_end")


def test_the_permission_is_asked_for_again(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    with cut_off(stream, debate):
        pass
    give_to(alice, debate, visibility=Visibility.PRIVATE)
    assert_it_follows_nothing(stream, debate)


def test_after_a_minute_it_is_forgotten(stream: StreamServer, debate: Debate) -> None:
    with cut_off(stream, debate):
        pass
    StreamPlace.objects.update(seen_at=timezone.now() - timedelta(seconds=61))
    assert_it_follows_nothing(stream, debate)


def test_an_instance_that_died_without_a_word_is_found_out(
    stream: StreamServer, debate: Debate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_AGAIN_SECONDS", 0.05)
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        until(StreamPlace.objects.exists)
        row = StreamPlace.objects.get()
    stream.call(lambda: stream.hub.all_left(5))
    add_events(debate, 2)
    make_stream_place(debate, person=row.person, holder="elsewhere/1:17:4711.1", seq=1)
    with reader(stream) as again:
        again.send("ping")
        again.until("pong")
        assert "subscribed" not in again.types
        late = timezone.now() - timedelta(seconds=places.SILENT_SECONDS + 1)
        StreamPlace.objects.update(seen_at=late)
        assert again.until_seq(2) == [2]


def test_open_sockets_are_seen_again_and_again(
    stream: StreamServer, debate: Debate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whereabouts, "REFRESH_SECONDS", 0.05)
    stream.call(stream.hub.stop)
    stream.call(stream.hub.start)
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        add_events(debate, 2)
        client.until_seq(2)
        until(StreamPlace.objects.filter(seq=2).exists)


def assert_it_follows_nothing(
    stream: StreamServer, debate: Debate, headers: dict[str, str] | None = None
) -> None:
    with reader(stream, headers=headers) as again:
        add_events(debate)
        again.send("ping")
        again.until("pong")
        assert again.types == ["connection_info", "pong"]
        again.socket.close(1000)


# --- Several sockets of one person -------------------------------------------------------------


def known(connection: str, *at: Place) -> Known:
    return Known("token:abc", connection, at)


def find() -> Found:
    return places.find("token:abc", now=timezone.now())


def test_each_of_several_gets_everything_that_any_of_them_had(transactional_db: None) -> None:
    """Which is which cannot be known; and who asks after them gets nothing."""
    one, two = make_debate(), make_debate()
    now = timezone.now()
    places.leave([known("a", Place(one.pk, str(one.epoch), 5))], holder="h", now=now)
    both = (Place(one.pk, str(one.epoch), 3), Place(two.pk, str(two.epoch), 9))
    places.leave([known("b", *both)], holder="h", now=now)
    for _ in range(2):
        assert set(find().places) == set(both)
    assert find() == Found()


def test_a_socket_that_is_open_is_not_replaced(transactional_db: None) -> None:
    debate = make_debate()
    at = Place(debate.pk, "", 0)
    places.keep([known("a", at)], holder="elsewhere/1:17:4711.1", now=timezone.now())
    assert find() == Found(undecided=True)
    places.leave([known("a", at)], holder="elsewhere/1:17:4711.1", now=timezone.now())
    places.keep([known("a", at)], holder="elsewhere/1:17:4711.1", now=timezone.now())
    assert find().places == (at,)


def test_a_debate_that_is_deleted_costs_the_others_nothing(transactional_db: None) -> None:
    gone, there = make_debate(), make_debate()
    at = [Place(debate.pk, "", 0) for debate in (gone, there)]
    gone.delete()
    places.keep([known("a", *at)], holder="h", now=timezone.now())
    assert [row.debate_id for row in StreamPlace.objects.all()] == [there.pk]


def test_a_crowd_that_goes_at_once_is_noted_in_few_writes(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    debate = make_debate()
    crowd = [known(f"{number}", Place(debate.pk, "", number)) for number in range(50)]
    sizes = []

    def leave(known: Sequence[Known], **how: Any) -> None:
        sizes.append(len(known))
        really_leave(known, **how)

    really_leave = places.leave
    monkeypatch.setattr(places, "leave", leave)
    kept = whereabouts.Whereabouts()

    async def come_and_go() -> None:
        await asyncio.gather(*(kept.remember(one.connection, lambda one=one: one) for one in crowd))
        await asyncio.gather(*(kept.leave(one, may_return=True) for one in crowd))

    asyncio.run(come_and_go())
    assert sizes == [1, 49]
    assert StreamPlace.objects.filter(left=True).count() == 50
