"""Votes and suggestions for people without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import DebateStatus, Visibility
from debates.engine.positions import candidate_id
from debates.models import AudienceVote, Debate, Suggestion
from tests.factories import make_audience_vote, make_suggestion
from tests.support.audience import make_standing, revise

pytestmark = pytest.mark.django_db


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def post(client: Client, debate: Debate, act: str, body: Any) -> Any:
    path = f"/api/v1/debates/{debate.pk}/{act}"
    return client.post(path, json.dumps(body), content_type="application/json")


def test_a_vote_is_answered_with_what_counts(debate: Debate, alice: User) -> None:
    answer = post(client_of(alice), debate, "vote", {"choice": "no", "intensity": 9})
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "debate_id": str(debate.pk),
        "candidate": candidate_id("No"),
        "choice": "No",
        "intensity": 9,
        "voters": 1,
    }
    again = post(client_of(alice), debate, "vote", {"choice": candidate_id("Yes")})
    assert (again.json()["choice"], again.json()["voters"]) == ("Yes", 1)
    assert AudienceVote.objects.get().intensity == 5


def test_a_suggestion_is_answered_with_what_is_kept(debate: Debate, alice: User, bob: User) -> None:
    body = {"suggestion": "Ask the\n bus drivers."}
    first = post(client_of(alice), debate, "suggest", body)
    assert first.json() == {
        "success": True,
        "debate_id": str(debate.pk),
        "number": 1,
        "content": "Ask the bus drivers.",
        "duplicate": False,
    }
    assert post(client_of(bob), debate, "suggest", body).json()["duplicate"] is True
    assert Suggestion.objects.get().person == f"user:{alice.pk}"


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("vote", {}, "choice"),
        ("vote", {"choice": 7}, "choice"),
        ("vote", {"choice": "Perhaps"}, "choice"),
        ("vote", {"choice": "Yes", "intensity": 0}, "intensity"),
        ("vote", {"choice": "Yes", "intensity": True}, "intensity"),
        ("vote", {"choice": "Yes", "intensity": 10**40}, "intensity"),
        ("suggest", {}, "suggestion"),
        ("suggest", {"suggestion": " "}, "suggestion"),
        ("suggest", {"suggestion": "x" * 501}, "suggestion"),
        ("suggest", {"suggestion": "\0"}, "suggestion"),
        ("suggest", {"suggestion": "\ud800"}, "suggestion"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    debate: Debate, alice: User, act: str, body: Any, field: str
) -> None:
    answer = post(client_of(alice), debate, act, body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    debate.refresh_from_db()
    assert debate.last_seq == 0


def test_a_private_debate_is_there_for_its_owner_alone(
    alice: User, bob: User, charlie: User
) -> None:
    private = make_standing(owner=alice, visibility=Visibility.PRIVATE)
    for stranger in (bob, charlie, None):
        client = client_of(stranger)
        assert post(client, private, "vote", {"choice": "Yes"}).status_code == 404
        assert post(client, private, "suggest", {"suggestion": "Hm."}).status_code == 404
        assert client.get(f"/api/v1/debates/{private.pk}/audience").status_code == 404
    assert post(client_of(alice), private, "vote", {"choice": "Yes"}).status_code == 200
    assert client_of(alice).get(f"/api/v1/debates/{private.slug}/audience").json()["voters"] == 1


def test_over_is_over(alice: User) -> None:
    over = make_standing(status=DebateStatus.COMPLETED)
    for act, body in (("vote", {"choice": "Yes"}), ("suggest", {"suggestion": "Hm."})):
        answer = post(client_of(alice), over, act, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")


def test_too_fast_is_429_and_says_how_long_to_wait(debate: Debate, alice: User) -> None:
    client = client_of(alice)
    for intensity in range(1, 6):
        assert post(client, debate, "vote", {"choice": "Yes", "intensity": intensity}).json()
    refused = post(client, debate, "suggest", {"suggestion": "Hear me."})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused["Retry-After"]) <= 6
    assert not Suggestion.objects.exists()


def test_whoever_says_nothing_of_themselves_is_their_address(debate: Debate) -> None:
    for choice in ("Yes", "No"):
        assert post(Client(), debate, "vote", {"choice": choice}).status_code == 200
    assert AudienceVote.objects.get().answer == "No"


def test_a_page_of_another_site_may_not_speak_for_its_visitor(debate: Debate) -> None:
    answer = Client().post(
        f"/api/v1/debates/{debate.pk}/vote",
        '{"choice": "Yes"}',
        content_type="application/json",
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert not AudienceVote.objects.exists()


def test_a_session_needs_its_csrf_token(debate: Debate, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert post(client, debate, "vote", {"choice": "Yes"}).status_code == 403
    assert not AudienceVote.objects.exists()


def test_everybody_can_see_how_it_stands(debate: Debate, alice: User) -> None:
    make_audience_vote(debate, "user:0", answer="Yes", intensity=4)
    post(client_of(alice), debate, "vote", {"choice": "No", "intensity": 8})
    revise(debate, "ada", "No")
    make_suggestion(debate, "Ask the bus drivers.", offered_in_round=1)

    seen = client_of(alice).get(f"/api/v1/debates/{debate.pk}/audience").json()
    assert seen == {
        "debate_id": str(debate.pk),
        "open": True,
        "weight": 0.0,
        "voters": 2,
        "answers": [
            {
                "candidate": candidate_id("No"),
                "answer": "No",
                "stands": True,
                "agents": ["ada", "ben", "cleo"],
                "votes": 1,
                "mean_intensity": 8.0,
            },
            {
                "candidate": candidate_id("Yes"),
                "answer": "Yes",
                "stands": False,
                "agents": [],
                "votes": 1,
                "mean_intensity": 4.0,
            },
        ],
        "suggestions": [{"number": 1, "content": "Ask the bus drivers.", "offered_in_round": 1}],
        "your_vote": {"candidate": candidate_id("No"), "choice": "No", "intensity": 8},
    }
    assert Client().get(f"/api/v1/debates/{debate.pk}/audience").json()["your_vote"] is None
