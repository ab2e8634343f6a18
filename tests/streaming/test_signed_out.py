"""A stream ends for whoever loses the right to it while they listen."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from debates.choices import Visibility
from debates.models import Debate
from debates.services.editing import update_debate
from debates.streaming import credentials
from tests.factories import make_debate
from tests.streaming.test_privacy import cookie_of
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import StreamServer, add_events, reader


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "CHECK_SECONDS", 0.05)


@pytest.fixture
def private(alice: User) -> Debate:
    return make_debate(owner=alice, visibility=Visibility.PRIVATE)


def deactivate(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def change_password(alice: User) -> None:
    alice.set_password("another horse")
    alice.save()


def sign_out_everywhere(alice: User) -> None:
    Session.objects.all().delete()


def delete(alice: User) -> None:
    alice.delete()


LOSSES = [deactivate, change_password, sign_out_everywhere, delete]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_socket_is_closed_with_4401(
    stream: StreamServer, debate: Debate, alice: User, lose: Callable[[User], None]
) -> None:
    with (
        reader(stream, debate.pk, headers=cookie_of(alice)) as hers,
        reader(stream, debate.pk) as anonymous,
    ):
        hers.until("replay_end")
        anonymous.until("replay_end")
        lose(alice)
        assert hers.until_closed() == 4401
        add_events(debate)
        assert anonymous.until_seq(1) == [1]


@pytest.mark.parametrize("lose", LOSSES)
def test_nothing_of_a_private_debate_follows(
    stream: StreamServer, private: Debate, alice: User, lose: Callable[[User], None]
) -> None:
    headers = cookie_of(alice)
    with reader(stream, private.pk, headers=headers) as hers:
        hers.until("replay_end")
        lose(alice)
        assert hers.until_closed() == 4401
        assert hers.seqs == []
    with reader(stream, private.pk, headers=headers) as again:
        assert again.until("error")["data"]["code"] == "not_found"


@pytest.mark.parametrize("lose", LOSSES)
def test_an_event_stream_ends(
    stream: StreamServer, private: Debate, alice: User, lose: Callable[[User], None]
) -> None:
    add_events(private)
    url = f"{stream.url}/api/v1/debates/{private.pk}/events/stream"
    headers = cookie_of(alice)
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE_SECONDS) as response:
        lines = response.iter_lines()
        assert any(line.startswith("event: ") for line in lines)
        lose(alice)
        assert list(lines)  # Only the rest of what was sent before; then the end.
    assert httpx.get(url, headers=headers, timeout=PATIENCE_SECONDS).status_code == 404


def test_who_is_signed_in_elsewhere_stays(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    """Signing out ends one session, not the others."""
    one, other = cookie_of(alice), cookie_of(alice)
    with (
        reader(stream, debate.pk, headers=one) as here,
        reader(stream, debate.pk, headers=other) as there,
    ):
        here.until("replay_end")
        there.until("replay_end")
        Session.objects.filter(session_key=one["Cookie"].partition("=")[2]).delete()
        assert here.until_closed() == 4401
        add_events(debate)
        assert there.until_seq(1) == [1]


def test_a_debate_that_is_made_private_over_the_service_is_closed_to_strangers(
    stream: StreamServer, alice: User
) -> None:
    debate = make_debate(owner=alice)
    with (
        reader(stream, debate.pk) as stranger,
        reader(stream, debate.pk, headers=cookie_of(alice)) as hers,
    ):
        stranger.until("replay_end")
        hers.until("replay_end")
        update_debate(debate_id=debate.pk, actor=alice, visibility=Visibility.PRIVATE)
        assert stranger.until("error")["data"]["code"] == "not_found"
        add_events(debate)
        assert hers.until_seq(1) == [1]
        stranger.send("ping")
        stranger.until("pong")
        assert stranger.seqs == []
