"""Sockets and event streams of programs: as far as the key reaches, and until it is revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from debates.choices import Visibility
from debates.models import Debate
from debates.streaming import credentials
from ratelimit.keys import revoke_key
from ratelimit.models import ApiKey, Membership, Workspace
from ratelimit.workspaces import personal_workspace, remove_member
from tests.factories import make_api_key, make_debate, make_proposal, make_user
from tests.streaming.test_privacy import cookie_of
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import StreamServer, add_events, reader


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "CHECK_SECONDS", 0.05)


@pytest.fixture
def private(alice: User) -> Debate:
    workspace = personal_workspace(alice)
    return make_debate(owner=alice, workspace=workspace, visibility=Visibility.PRIVATE)


def test_a_key_opens_a_socket_in_the_header_and_in_the_address(
    stream: StreamServer, private: Debate, alice: User
) -> None:
    add_events(private)
    _, token = make_api_key(alice, scope="read")
    with reader(stream, private.pk, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.next()["data"]["user"] == "alice"
        assert client.until_seq(1) == [1]
    with reader(stream, private.pk, token=token) as client:
        assert client.until_seq(1) == [1]


def test_a_wrong_key_closes_it(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, debate.pk, token="ara_0123456789ab_" + "x" * 43) as client:
        assert client.until_closed() == 4401


def revoke(key: ApiKey) -> None:
    revoke_key(key_id=key.pk, user=key.user, now=timezone.now())


def expire(key: ApiKey) -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("lose", [revoke, expire])
def test_a_socket_ends_with_its_key(
    stream: StreamServer, private: Debate, alice: User, lose: Callable[[ApiKey], None]
) -> None:
    key, token = make_api_key(alice)
    with (
        reader(stream, private.pk, token=token) as gone,
        reader(stream, private.pk, headers=cookie_of(alice)) as session,
    ):
        gone.until("replay_end")
        session.until("replay_end")
        lose(key)
        assert gone.until_closed() == 4401
        add_events(private)
        assert session.until_seq(1) == [1]


def test_an_event_stream_ends_with_its_key(
    stream: StreamServer, private: Debate, alice: User
) -> None:
    add_events(private)
    key, token = make_api_key(alice)
    url = f"{stream.url}/api/v1/debates/{private.pk}/events/stream"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE_SECONDS) as response:
        lines = response.iter_lines()
        assert any(line.startswith("event: ") for line in lines)
        revoke(key)
        assert list(lines)
    assert httpx.get(url, headers=headers, timeout=PATIENCE_SECONDS).status_code == 401


def test_a_key_that_only_reads_does_not_speak(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    make_proposal(debate)
    _, token = make_api_key(alice, scope="read")
    with reader(stream, debate.pk, token=token) as client:
        client.until("replay_end")
        client.send("user_vote", debate_id=str(debate.pk), payload={"choice": "Yes"})
        assert client.until("warning")["data"]["code"] == "insufficient_scope"
        client.send("user_suggestion", debate_id=str(debate.pk), payload={"suggestion": "Ask."})
        assert client.until("warning")["data"]["code"] == "insufficient_scope"


def test_who_leaves_a_workspace_loses_its_streams(stream: StreamServer, alice: User) -> None:
    bob = make_user("bob")
    team = Workspace.objects.create(name="Trams", slug="trams")
    for user, role in ((alice, "owner"), (bob, "viewer")):
        Membership.objects.create(workspace=team, user=user, role=role)
    debate = make_debate(owner=alice, workspace=team, visibility=Visibility.WORKSPACE)
    with (
        reader(stream, debate.pk, headers=cookie_of(bob)) as his,
        reader(stream, debate.pk, headers=cookie_of(alice)) as hers,
    ):
        his.until("replay_end")
        hers.until("replay_end")
        remove_member(workspace=team, actor=alice, user_id=bob.pk)
        assert his.until("error")["data"]["code"] == "not_found"
        add_events(debate)
        assert hers.until_seq(1) == [1]
        assert his.seqs == []
