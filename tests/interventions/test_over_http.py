"""Whoever steers a debate speaks to its panel: alice owns it, charlie is a stranger."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import DebateStatus, EventType
from debates.models import Debate, DebateEvent, Suggestion
from debates.models.audience import MAX_INTERVENTION_LENGTH
from debates.selectors import debate_snapshot
from debates.services.interventions import MAX_FOR_A_ROUND
from tests.api.conftest import Api, anybody, as_alice, as_charlie
from tests.factories import make_debate

__all__ = ["anybody", "as_alice", "as_charlie"]
pytestmark = pytest.mark.django_db

WORDS = {"type": "constraint", "content": "It must not cost\r\nmore than a bus.\x07"}


@pytest.fixture
def debate(alice: User) -> Debate:
    """Alice's, public, with three rounds, in its blind drafts."""
    return make_debate(owner=alice, status=DebateStatus.RUNNING, phase="draft", rounds=3)


def say(api: Api, debate: Debate, act: str = "intervene", **body: Any) -> Any:
    return api.post(f"/api/v1/debates/{debate.pk}/{act}", body)


def log(api: Api, debate: Debate) -> Any:
    return api.get(f"/api/v1/debates/{debate.pk}/interventions").json()


def test_an_intervention_waits_and_is_told(as_alice: Api, anybody: Api, debate: Debate) -> None:
    answer = say(as_alice, debate, **WORDS, apply_at_round=2)
    content = "It must not cost\nmore than a bus."
    assert answer.json() == {
        "success": True,
        "debate_id": str(debate.pk),
        "intervention_id": f"{debate.pk}:1",
        "number": 1,
        "type": "constraint",
        "content": content,
        "apply_at_round": 2,
        "status": "queued",
    }
    event = DebateEvent.objects.get(debate=debate)
    assert event.type == EventType.INTERVENTION
    told = {name: event.data[name] for name in ("type", "content", "apply_at_round", "number")}
    assert told == {"type": "constraint", "content": content, "apply_at_round": 2, "number": 1}

    [kept] = log(anybody, debate)["interventions"]
    assert (kept["status"], kept["shown_in_round"]) == ("queued", None)
    assert kept["user_id"] == event.data["user_id"]
    assert str(debate.owner_id) != kept["user_id"]
    debate.refresh_from_db()
    [note] = debate_snapshot(debate)["transcript"]["notes"]
    assert (note["type"], note["data"]["content"]) == ("intervention", content)


def test_a_turn_of_a_person_is_a_message(as_alice: Api, anybody: Api, debate: Debate) -> None:
    added = say(as_alice, debate, "messages", content="Think of the noise.", role="user").json()
    assert (added["role"], added["content"], added["apply_at_round"]) == (
        "user",
        "Think of the noise.",
        1,
    )
    [message] = anybody.get(f"/api/v1/debates/{debate.pk}/messages").json()["messages"]
    assert (message["role"], message["content"], message["agent"]) == (
        "user",
        "Think of the noise.",
        "",
    )
    event = DebateEvent.objects.get(debate=debate)
    assert (event.type, event.data["role"]) == (EventType.AGENT_MESSAGE, "human")
    assert log(anybody, debate)["items"][0]["type"] == "message"


def test_the_other_doors_lead_to_the_same(as_alice: Api, debate: Debate) -> None:
    injected = say(as_alice, debate, "intervention/inject", content="And the noise?").json()
    assert (injected["type"], injected["status"]) == ("message", "queued")
    asked = say(as_alice, debate, "user-input", input="Says who?", type="evidence_request").json()
    assert (asked["type"], asked["number"]) == ("evidence_request", 2)
    suggested = say(as_alice, debate, "user-input", input="Ask the drivers.").json()
    assert (suggested["type"], suggested["number"]) == ("suggestion", 3)
    wrong = say(as_alice, debate, "user-input", input=" ", type="challenge")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "input")
    path = f"/api/v1/debates/{debate.pk}"
    assert as_alice.get(f"{path}/intervention/log").json()["total"] == 2
    suggestions = as_alice.get(f"{path}/audience").json()["suggestions"]
    assert [one["content"] for one in suggestions] == ["Ask the drivers."]


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("intervene", {"content": "Hm."}, "type"),
        ("intervene", {"type": "order", "content": "Hm."}, "type"),
        ("intervene", {"type": "suggestion", "content": "Hm."}, "type"),
        ("intervene", {"type": "redirect"}, "content"),
        ("intervene", {"type": "redirect", "content": " \x01\n"}, "content"),
        ("intervene", {"type": "redirect", "content": "\ud800"}, "content"),
        ("intervene", {"type": "redirect", "content": "x" * 2001}, "content"),
        ("intervene", {**WORDS, "apply_at_round": -1}, "apply_at_round"),
        ("intervene", {**WORDS, "apply_at_round": 4}, "apply_at_round"),
        ("intervene", {**WORDS, "apply_at_round": 10**40}, "apply_at_round"),
        ("intervene", {**WORDS, "apply_at_round": True}, "apply_at_round"),
        ("messages", {"content": ""}, "content"),
        ("messages", {"content": "Hm.", "role": "system"}, "role"),
        ("messages", {"content": "Hm.", "role": "assistant"}, "role"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    as_alice: Api, debate: Debate, act: str, body: dict[str, Any], field: str
) -> None:
    answer = say(as_alice, debate, act, **body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert_nothing_said(debate)


def assert_nothing_said(debate: Debate) -> None:
    assert not Suggestion.objects.exists()
    debate.refresh_from_db()
    assert debate.last_seq == 0


@pytest.mark.parametrize(
    ("state", "asked", "planned"),
    [
        ({"phase": "", "status": DebateStatus.CREATED}, None, 1),
        ({"phase": "draft"}, 0, 1),
        ({"phase": "draft", "status": DebateStatus.PAUSED}, 1, 1),
        ({"phase": "exchange", "round": 1}, None, 2),
        ({"phase": "exchange", "round": 1}, 1, 409),
        ({"phase": "exchange", "round": 1}, 3, 3),
        ({"phase": "exchange", "round": 3}, None, 409),
        ({"phase": "vote", "round": 1}, None, 409),
        ({"phase": "draft", "stop_requested": True}, None, 409),
        ({"phase": "propose", "round": 1, "protocol": "classic"}, None, 1),
        ({"phase": "critique", "round": 2, "protocol": "classic"}, 2, 2),
        ({"phase": "revise", "round": 2, "protocol": "classic"}, 2, 409),
        ({"phase": "vote", "round": 2, "protocol": "classic"}, None, 3),
        ({"status": DebateStatus.COMPLETED}, None, 409),
        ({"status": DebateStatus.FAILED}, 2, 409),
        ({"status": DebateStatus.CANCELLED}, None, 409),
    ],
)
def test_which_round_it_is_for(
    as_alice: Api, alice: User, state: dict[str, Any], asked: int | None, planned: int
) -> None:
    debate = make_debate(owner=alice, **{"status": DebateStatus.RUNNING, "rounds": 3, **state})
    answer = say(as_alice, debate, **WORDS, apply_at_round=asked)
    if planned == 409:
        assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
        assert_nothing_said(debate)
    else:
        assert answer.json()["apply_at_round"] == planned


def test_a_round_hears_so_many_and_no_more(as_alice: Api, debate: Debate) -> None:
    for number in range(MAX_FOR_A_ROUND):
        long = "x" * MAX_INTERVENTION_LENGTH
        assert say(as_alice, debate, type="challenge", content=long).json()["number"] == number + 1
    refused = say(as_alice, debate, **WORDS)
    assert refused.status_code == 409
    assert "Choose a later one" in refused.json()["error"]
    assert say(as_alice, debate, **WORDS, apply_at_round=2).status_code == 200
    # The audience is not heard less for it.
    assert say(as_alice, debate, "suggest", suggestion="Ask the drivers.").status_code == 200


@pytest.mark.parametrize("act", ["intervene", "messages", "intervention/inject"])
def test_the_audience_does_not_intervene(
    as_charlie: Api, anybody: Api, debate: Debate, act: str
) -> None:
    assert say(as_charlie, debate, act, **WORDS).status_code == 403
    assert say(anybody, debate, act, **WORDS).status_code == 401
    assert_nothing_said(debate)


def test_sent_again_under_its_key_it_is_said_once(as_alice: Api, debate: Debate) -> None:
    path = f"/api/v1/debates/{debate.pk}/messages"
    for _ in range(2):
        answer = as_alice.post(path, {"content": "Yes."}, idempotency_key="once")
        assert answer.json()["number"] == 1
    assert say(as_alice, debate, "messages", content="Yes.").json()["number"] == 2


def test_what_the_debate_ended_before_is_missed(as_alice: Api, debate: Debate) -> None:
    say(as_alice, debate, **WORDS)
    as_alice.post(f"/api/v1/debates/{debate.pk}/cancel")
    assert log(as_alice, debate)["interventions"][0]["status"] == "missed"
