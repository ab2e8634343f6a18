"""Sockets and event streams follow the table of `tests.identity.table` too: every message of a
client, by everybody, about debates of every visibility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from debates.models import Debate
from debates.selectors.sharing import token_of
from debates.services.audience import paces
from debates.services.sharing import share_debate
from ratelimit.models import Membership, Workspace
from tests.factories import make_debate, make_proposal, make_user
from tests.identity.table import OK, PEOPLE, VISIBILITIES, Rule, expected
from tests.streaming.test_privacy import cookie_of
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import Reader, StreamServer, reader

FIRST_REQUEST_SECONDS = 3 * PATIENCE_SECONDS
"""The first one loads the whole site."""


@dataclass
class Team:
    """alice, bob and dora work together; charlie does not."""

    debates: dict[str, Debate]
    links: dict[str, str]


@pytest.fixture
def team(alice: User) -> Team:
    workspace = Workspace.objects.create(name="Trams", slug="trams")
    people = {"alice": alice} | {name: make_user(name) for name in ("bob", "dora", "charlie")}
    for name, role in (("alice", "owner"), ("bob", "member"), ("dora", "viewer")):
        Membership.objects.create(workspace=workspace, user=people[name], role=role)
    found = Team({}, {})
    for visibility in VISIBILITIES:
        debate = make_debate(owner=alice, workspace=workspace, visibility=visibility)
        make_proposal(debate)
        found.debates[visibility] = debate
        link = share_debate(debate_id=debate.pk, actor=alice, now=timezone.now())
        found.links[visibility] = token_of(link)
    return found


def headers_of(person: str) -> dict[str, str]:
    user = User.objects.filter(username=person).first()
    return cookie_of(user) if user else {}


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_everybody_hears_and_says_what_they_may(
    stream: StreamServer, team: Team, person: str, visibility: str
) -> None:
    paces.forget()
    debate = team.debates[visibility]
    query: dict[str, Any] = {"share": team.links[visibility]} if person == "guest" else {}
    reads = expected(Rule.READ, person, visibility) == OK
    speaks = expected(Rule.SPEAK, person, visibility) == OK
    with reader(stream, headers=headers_of(person), **query) as client:
        client.send("subscribe", debate_id=str(debate.pk), since_seq=0)
        if reads:
            assert client.until_seq(1) == [1]
            client.until("replay_end")
        else:
            assert client.until("error")["data"]["code"] == "not_found"
        for type, payload in (
            ("user_vote", {"choice": "Yes"}),
            ("user_suggestion", {"suggestion": f"Ask {person}."}),
        ):
            client.send(type, debate_id=str(debate.pk), payload=payload)
            # Nothing stands yet that could be voted for: that is said only to who may vote.
            assert heard(client) in (("ack", "state_forbids") if speaks else ("not_found",))
        client.send("get_loops")
        loops = {loop["debate_id"] for loop in client.until("loop_list")["data"]["loops"]}
        own = {kind for kind in VISIBILITIES if expected(Rule.SPEAK, person, kind) == OK}
        assert loops == {str(team.debates[kind].pk) for kind in own}
        client.send("unsubscribe", debate_id=str(debate.pk))
        if reads:
            client.until("unsubscribed")
        client.send("ping")
        client.until("pong")


def heard(client: Reader) -> str:
    """`ack`, or the code of the warning that came in its place."""
    while True:
        frame = client.next()
        if frame["type"] == "ack":
            return "ack"
        if frame["type"] == "warning":
            code: str = frame["data"]["code"]
            return code


@pytest.mark.parametrize("person", PEOPLE)
def test_event_streams_follow_the_same_rule(stream: StreamServer, team: Team, person: str) -> None:
    for visibility, debate in team.debates.items():
        params = {"share": team.links[visibility]} if person == "guest" else {}
        url = f"{stream.url}/api/v1/debates/{debate.pk}/events/stream"
        with httpx.stream(
            "GET", url, headers=headers_of(person), params=params, timeout=FIRST_REQUEST_SECONDS
        ) as response:
            reads = expected(Rule.READ, person, visibility) == OK
            assert response.status_code == (200 if reads else 404)
