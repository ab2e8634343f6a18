"""A stream is as private as its debate."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import DebateStatus, Visibility
from debates.models import Debate
from tests.factories import give_to, make_debate, make_user
from tests.support.streams import StreamServer, add_events, reader


def cookie_of(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


@pytest.fixture
def private(alice: User) -> Debate:
    return make_debate(owner=alice, visibility=Visibility.PRIVATE)


def test_its_owner_may_follow_a_private_debate(
    stream: StreamServer, private: Debate, alice: User
) -> None:
    add_events(private)
    with reader(stream, private.pk, headers=cookie_of(alice)) as client:
        assert client.next()["data"]["user"] == "alice"
        assert client.until_seq(1) == [1]


@pytest.mark.parametrize("name", ["charlie", None])
def test_a_stranger_is_told_that_there_is_no_such_debate(
    stream: StreamServer, private: Debate, name: str | None
) -> None:
    add_events(private)
    headers = cookie_of(make_user(name)) if name else None
    with reader(stream, private.pk, headers=headers) as client:
        error = client.until("error")
        assert error["data"]["code"] == "not_found"
        add_events(private)
        client.send("subscribe", debate_id=private.slug)
        client.until("error")
        client.send("ping")
        client.until("pong")
        assert client.seqs == []


def test_a_debate_that_turns_private_is_closed_to_those_who_listen(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    give_to(alice, debate)
    with (
        reader(stream, debate.pk) as charlie,
        reader(stream, debate.pk, headers=cookie_of(alice)) as owner,
    ):
        charlie.until("replay_end")
        owner.until("replay_end")
        Debate.objects.filter(pk=debate.pk).update(visibility=Visibility.PRIVATE)
        assert charlie.until("error")["data"]["code"] == "not_found"
        add_events(debate)
        assert owner.until_seq(1) == [1]
        charlie.send("ping")
        charlie.until("pong")
        assert charlie.seqs == []


def test_a_deleted_debate_ends_its_subscriptions(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        debate.delete()
        assert client.until("error")["data"]["code"] == "not_found"


def test_the_list_of_debates_holds_what_this_person_may_see(
    stream: StreamServer, private: Debate, debate: Debate, alice: User
) -> None:
    for headers, expected in ((None, {debate.pk}), (cookie_of(alice), {debate.pk, private.pk})):
        with reader(stream, headers=headers) as client:
            client.send("get_loops")
            loops = client.until("loop_list")["data"]
            assert {loop["loop_id"] for loop in loops["loops"]} == {str(pk) for pk in expected}
            assert loops["count"] == len(expected)


def test_the_list_of_debates_leaves_out_those_that_are_over(
    stream: StreamServer, debate: Debate
) -> None:
    make_debate(status=DebateStatus.COMPLETED)
    waiting = make_debate(status=DebateStatus.PAUSED)
    with reader(stream) as client:
        client.send("get_loops")
        loops = client.until("loop_list")["data"]["loops"]
    assert {loop["debate_id"] for loop in loops} == {str(debate.pk), str(waiting.pk)}


def test_a_token_that_is_nobodys_is_refused(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk, token="ara_nobody") as client:
        assert client.until_closed() == 4401
        assert client.frames == []
    with reader(stream, headers={"Authorization": "Bearer ara_nobody"}) as client:
        assert client.until_closed() == 4401
