"""The stream of a debate that is shared by a link: to read, until the link is revoked."""

from __future__ import annotations

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from debates.choices import Visibility
from debates.models import Debate
from debates.selectors.sharing import token_of
from debates.services.sharing import revoke_share, share_debate
from tests.factories import make_debate, make_proposal
from tests.streaming.test_privacy import cookie_of
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import StreamServer, add_events, reader


@pytest.fixture
def private(alice: User) -> Debate:
    return make_debate(owner=alice, visibility=Visibility.PRIVATE)


@pytest.fixture
def token(private: Debate, alice: User) -> str:
    return token_of(share_debate(debate_id=private.pk, actor=alice, now=timezone.now()))


def test_whoever_has_the_link_may_follow(stream: StreamServer, private: Debate, token: str) -> None:
    add_events(private)
    with reader(stream, private.pk, share=token) as client:
        assert client.until_seq(1) == [1]
        add_events(private)
        assert client.until_seq(2) == [1, 2]


def test_it_opens_no_other_debate(
    stream: StreamServer, private: Debate, alice: User, token: str
) -> None:
    other = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    with reader(stream, other.pk, share=token) as client:
        assert client.until("error")["data"]["code"] == "not_found"


def test_nobody_speaks_by_it(stream: StreamServer, private: Debate, token: str) -> None:
    make_proposal(private)
    with reader(stream, private.pk, share=token) as client:
        client.until("replay_end")
        client.send("user_vote", debate_id=str(private.pk), payload={"choice": "Yes"})
        assert client.until("warning")["data"]["code"] == "not_found"
        client.send("get_loops")
        assert client.until("loop_list")["data"]["loops"] == []


def test_revoking_it_ends_the_streams(
    stream: StreamServer, private: Debate, alice: User, token: str
) -> None:
    url = f"{stream.url}/api/v1/debates/{private.pk}/events/stream?share={token}"
    with (
        reader(stream, private.pk, share=token) as guest,
        reader(stream, private.pk, headers=cookie_of(alice)) as hers,
        httpx.stream("GET", url, timeout=PATIENCE_SECONDS) as events,
    ):
        guest.until("replay_end")
        hers.until("replay_end")
        revoke_share(debate_id=private.pk, actor=alice)
        assert guest.until("error")["data"]["code"] == "not_found"
        assert any("not_found" in line for line in events.iter_lines())
        add_events(private)
        assert hers.until_seq(1) == [1]
        assert guest.seqs == []
    assert httpx.get(url, timeout=PATIENCE_SECONDS).status_code == 404
