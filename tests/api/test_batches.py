"""Many debates by one request: all of them or none, followed and ended together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus, Visibility
from debates.models import Debate, DebateEvent, Document, IdempotencyRecord
from debates.running.claims import next_in_line
from ratelimit.models import Membership, Role
from ratelimit.workspaces import create_workspace
from tests import factories
from tests.api.conftest import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

BATCH = "/api/v1/debates/batch"
TASKS = ["Should the town build the tram?", "And the bridge?", "And the pool?"]


def debates(*tasks: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"task": task, **fields} for task in tasks or TASKS]


def submitted(api: Api, *tasks: str, **fields: Any) -> dict[str, Any]:
    """The answer to a batch that is right."""
    answer = api.post(BATCH, {"requests": debates(*tasks, **fields)})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def status(api: Api, batch: dict[str, Any]) -> dict[str, Any]:
    answer = api.get(f"{BATCH}/{batch['batch_id']}/status")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


# --- Starting ----------------------------------------------------------------------------------


def test_every_debate_is_stored_and_queued_in_the_order_given(as_alice: Api) -> None:
    batch = submitted(as_alice, rounds=2)
    assert batch["success"] is True
    assert (batch["items_queued"], batch["total_items"], batch["warnings"]) == (3, 3, [])
    assert batch["status_url"].endswith(f"{BATCH}/{batch['batch_id']}/status")
    assert [item["index"] for item in batch["items"]] == [0, 1, 2]
    assert [item["queue_position"] for item in batch["items"]] == [1, 2, 3]

    stored = list(Debate.objects.order_by("batch_index"))
    assert [str(debate.pk) for debate in stored] == [one["debate_id"] for one in batch["items"]]
    assert [debate.question for debate in stored] == TASKS
    assert {(debate.status, debate.rounds) for debate in stored} == {(DebateStatus.PENDING, 2)}
    assert list(next_in_line(timezone.now())) == [debate.pk for debate in stored]
    queued = DebateEvent.objects.order_by("data__queue_position").values_list("debate", "seq")
    assert list(queued) == [(debate.pk, 1) for debate in stored]


@pytest.mark.parametrize("address", [BATCH, "/api/v1/batch"])
def test_items_is_another_name_for_requests(as_alice: Api, address: str) -> None:
    body = {"items": debates(), "priority": "normal", "webhook_url": None, "metadata": {"a": 1}}
    answer = as_alice.post(address, body)
    assert (answer.status_code, answer.json()["items_queued"]) == (201, 3)
    assert [debate.metadata for debate in Debate.objects.all()] == [{"a": 1}] * 3


def test_each_debate_has_settings_of_its_own(as_alice: Api) -> None:
    items = [
        {"question": "First?", "documents": ["One text.", "Another."], "metadata": {"own": True}},
        {"task": "Second?", "autostart": False, "protocol": {"name": "classic", "rounds": 5}},
    ]
    batch = as_alice.post(BATCH, {"requests": items, "metadata": {"a": 1}}).json()
    first, second = Debate.objects.order_by("batch_index")
    assert [row.text for row in Document.objects.filter(debate=first)] == ["One text.", "Another."]
    assert (first.metadata, second.metadata) == ({"own": True}, {"a": 1})
    assert (second.protocol, second.rounds, second.status) == ("classic", 5, "created")
    assert (batch["items_queued"], batch["total_items"]) == (1, 2)
    assert [item["queue_position"] for item in batch["items"]] == [1, None]


def test_priority_orders_a_batch_and_nothing_else(as_alice: Api, as_bob: Api) -> None:
    """Who was there before stays there, whatever is said to be urgent."""
    earlier = submitted(as_alice, "Earlier?")["items"]
    bobs = submitted(as_bob, "Bob's?")["items"]
    items = [
        {"task": "Low?", "priority": "low"},
        {"task": "As the batch?"},
        {"task": "High?", "priority": "high"},
        {"task": "Normal?", "priority": "normal"},
    ]
    batch = as_alice.post(BATCH, {"items": items, "priority": "high"}).json()
    assert [item["queue_position"] for item in batch["items"]] == [6, 3, 4, 5]
    line = list(map(str, next_in_line(timezone.now())))
    assert line[:2] == [earlier[0]["debate_id"], bobs[0]["debate_id"]]
    assert line[2:] == [batch["items"][index]["debate_id"] for index in (1, 2, 3, 0)]


def test_a_batch_is_carried_out_once_for_a_key(as_alice: Api) -> None:
    body = {"requests": debates()}
    first = as_alice.post(BATCH, body, idempotency_key="once")
    second = as_alice.post(BATCH, body, idempotency_key="once")
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["Idempotency-Replayed"] == "true"
    assert (Debate.objects.count(), IdempotencyRecord.objects.count()) == (3, 1)
    other = as_alice.post(BATCH, {"requests": debates("Else?")}, idempotency_key="once")
    assert other.status_code == 409


def test_more_debates_take_no_more_queries(as_alice: Api) -> None:
    submitted(as_alice, "First?")
    with CaptureQueriesContext(connection) as few:
        submitted(as_alice)
    with CaptureQueriesContext(connection) as many:
        submitted(as_alice, *(f"Number {number}?" for number in range(40)))
    assert len(many) == len(few)


# --- What is wrong -----------------------------------------------------------------------------


def refused(api: Api, body: Any) -> dict[str, str]:
    answer = api.post(BATCH, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input"), answer.content
    assert not Debate.objects.exists()
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_all_that_is_wrong_is_told_by_index_and_field(as_alice: Api) -> None:
    items = [
        {"task": "Right?"},
        {"task": "", "rounds": 0},
        {"question": "Fine?", "protocol": {"rounds": "three"}},
        "Not an object?",
        {"task": "Whom?", "agents": ["ada", "nobody"], "consensus": "loudest"},
        {"task": "One?", "question": "Another?"},
        {"task": "When?", "priority": "at once"},
    ]
    wrong = refused(as_alice, {"requests": items, "priority": "first", "webhook_url": "http://a"})
    assert set(wrong) == {
        *("priority", "webhook_url"),
        *("requests.1.task", "requests.1.rounds", "requests.2.protocol.rounds", "requests.3"),
        *("requests.4.agents", "requests.4.consensus", "requests.5.task", "requests.6.priority"),
    }
    assert wrong["priority"] == wrong["requests.6.priority"] == "Use one of high, normal, low."
    assert "status_url" in wrong["webhook_url"]


def test_the_fields_are_named_as_the_client_named_them(as_alice: Api) -> None:
    assert set(refused(as_alice, {"items": [{"question": " "}]})) == {"items.0.question"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "requests"),
        ({"requests": []}, "requests"),
        ({"items": []}, "items"),
        ({"requests": None, "items": debates() * 34}, "items"),
        ({"requests": debates(), "items": debates("Else?")}, "requests"),
        ({"requests": {"task": "One?"}}, "requests"),
        ({"requests": debates(), "webhook_url": ""}, "webhook_url"),
        ({"requests": debates(), "metadata": {"long": "x" * 200_000}}, "requests.0.metadata"),
    ],
)
def test_what_is_no_batch(as_alice: Api, body: Any, field: str) -> None:
    assert field in refused(as_alice, body)


def test_many_faults_are_all_told(as_alice: Api) -> None:
    answer = as_alice.post(BATCH, {"requests": debates(*[" "] * 30)})
    assert len(answer.json()["errors"]) == 30
    assert "requests.19.task and 10 more" in answer.json()["error"]


def test_what_is_not_known_is_ignored_and_named(as_alice: Api) -> None:
    items = [{"task": "Why?"}, {"task": "How?", "priorty": "high"}]
    batch = as_alice.post(BATCH, {"requests": items, "callback": "x"}).json()
    assert batch["warnings"][0].startswith("unknown field 'callback' was ignored")
    assert batch["warnings"][1].startswith("requests.1: unknown field 'priorty' was ignored")


# --- Following and ending ----------------------------------------------------------------------


def test_the_status_tells_of_every_debate(as_alice: Api) -> None:
    batch = submitted(as_alice)
    told = status(as_alice, batch)
    assert (told["status"], told["total_items"], told["finished_items"]) == ("pending", 3, 0)
    assert [item["queue_position"] for item in told["items"]] == [1, 2, 3]
    assert {item["result"] for item in told["items"]} == {None}

    first, second, third = Debate.objects.order_by("batch_index")
    now = timezone.now()
    factories.make_verdict(first, "Yes")
    for debate, state in ((first, DebateStatus.COMPLETED), (second, DebateStatus.FAILED)):
        Debate.objects.filter(pk=debate.pk).update(
            status=state, completed_at=now, failure="Nobody answered." if debate == second else ""
        )
    told = status(as_alice, batch)
    assert (told["status"], told["finished_items"], told["progress_percent"]) == (
        "processing",
        2,
        66.7,
    )
    assert {word: count for word, count in told["totals"].items() if count} == {
        "completed": 1,
        "failed": 1,
        "pending": 1,
    }
    assert told["items"][0]["result"]["final_answer"] == "Yes"
    assert told["items"][1]["error"] == "Nobody answered."
    assert [item["queue_position"] for item in told["items"]] == [None, None, 1]
    assert as_alice.get(told["items"][2]["events_url"]).status_code == 200

    third.delete()
    told = status(as_alice, batch)
    assert (told["status"], told["total_items"]) == ("completed", 2)
    assert [item["index"] for item in told["items"]] == [0, 1]


STATES = {
    "pending": ("pending", "created"),
    "processing": ("running", "completed"),
    "completed": ("completed", "failed", "cancelled"),
    "failed": ("failed", "cancelled"),
    "cancelled": ("cancelled",),
}


def test_batches_are_listed_newest_first_and_by_status(as_alice: Api) -> None:
    keys = {}
    for minute, (word, states) in enumerate(STATES.items()):
        batch = submitted(as_alice, *(f"{state}?" for state in states))
        keys[word] = batch["batch_id"]
        for index, state in enumerate(states):
            over = timezone.now() if state in {"completed", "failed", "cancelled"} else None
            Debate.objects.filter(batch=batch["batch_id"], batch_index=index).update(
                status=state,
                completed_at=over,
                created_at=timezone.now() + timedelta(minutes=minute),
            )
    as_alice.post("/api/v1/debates", {"task": "Alone?"})

    listed = as_alice.get(BATCH, {"limit": 2, "offset": 1}).json()
    assert (listed["total"], listed["count"], listed["has_more"]) == (5, 2, True)
    assert listed["batches"] == listed["items"]
    assert [one["batch_id"] for one in listed["items"]] == [keys["failed"], keys["completed"]]
    for word, key in keys.items():
        [found] = as_alice.get(BATCH, {"status": word}).json()["items"]
        assert (found["batch_id"], found["status"]) == (key, word)
        assert found["total_items"] == len(STATES[word])
        assert status(as_alice, found)["status"] == word
    assert as_alice.get(BATCH, {"status": "loud"}).status_code == 400
    assert as_alice.get(BATCH, {"operation_type": "export"}).json()["total"] == 0


def test_cancelling_ends_what_is_under_way(as_alice: Api) -> None:
    batch = submitted(as_alice)
    done = Debate.objects.filter(batch_index=1)
    done.update(status=DebateStatus.COMPLETED, completed_at=timezone.now())
    path = f"{BATCH}/{batch['batch_id']}/cancel"
    answers = [as_alice.post(path, {"reason": "Enough."}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert (answers[0].json()["cancelled"], answers[0].json()["status"]) == (2, "completed")
    assert done.get().status == DebateStatus.COMPLETED
    told = DebateEvent.objects.filter(type="debate_cancelled")
    assert [event.data["reason"] for event in told] == ["Enough.", "Enough."]


def test_a_batch_that_is_over_cannot_be_cancelled(as_alice: Api) -> None:
    batch = submitted(as_alice)
    Debate.objects.update(status=DebateStatus.COMPLETED, completed_at=timezone.now())
    answer = as_alice.post(f"{BATCH}/{batch['batch_id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")


# --- Whose it is -------------------------------------------------------------------------------


def test_strangers_see_no_batch_not_even_of_public_debates(
    as_alice: Api, as_charlie: Api, anybody: Api
) -> None:
    batch = submitted(as_alice, visibility="public")
    debate = f"/api/v1/debates/{batch['items'][0]['debate_id']}"
    for api in (as_charlie, anybody):
        assert api.get(f"{BATCH}/{batch['batch_id']}/status").status_code == 404
        assert api.post(f"{BATCH}/{batch['batch_id']}/cancel").status_code == 404
        assert api.get(BATCH).json()["total"] == 0
        assert api.get(debate).status_code == 200
    for key in ("none", uuid4()):
        assert as_alice.get(f"{BATCH}/{key}/status").status_code == 404


def test_team_mates_see_what_is_meant_for_the_workspace(
    as_alice: Api, as_bob: Api, alice: User
) -> None:
    bob = User.objects.get(username="bob")
    workspace = create_workspace(owner=alice, name="Town")
    member = Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    items = [
        {"task": "Ours?", "visibility": "workspace", "workspace": workspace.slug},
        {"task": "Mine?", "workspace": workspace.slug},
    ]
    batch = as_alice.post(BATCH, {"requests": items}).json()
    assert [item["task"] for item in status(as_alice, batch)["items"]] == ["Ours?", "Mine?"]
    assert [item["task"] for item in status(as_bob, batch)["items"]] == ["Ours?"]
    assert as_bob.get(BATCH).json()["items"][0]["total_items"] == 1

    cancel = f"{BATCH}/{batch['batch_id']}/cancel"
    assert as_bob.post(cancel).status_code == 403
    member.role = Role.MEMBER
    member.save()
    assert as_bob.post(cancel).json()["cancelled"] == 1
    assert Debate.objects.get(visibility=Visibility.PRIVATE).status == DebateStatus.PENDING


def test_a_key_reaches_the_batches_of_its_workspace(as_alice: Api, alice: User) -> None:
    own = submitted(as_alice)
    town = create_workspace(owner=alice, name="Town")
    _, text = factories.make_api_key(alice, workspace=town)
    bearer = {"authorization": f"Bearer {text}"}
    answer = Api().post(BATCH, {"requests": debates()}, **bearer)
    assert answer.status_code == 201
    [found] = Api().get(BATCH, **bearer).json()["items"]
    assert found["batch_id"] == answer.json()["batch_id"]
    assert Api().get(f"{BATCH}/{own['batch_id']}/status", **bearer).status_code == 404
    assert as_alice.get(BATCH).json()["total"] == 2


def test_whoever_starts_without_an_account_follows_without_one(
    anybody: Api, as_charlie: Api
) -> None:
    batch = submitted(anybody)
    assert status(anybody, batch)["total_items"] == 3
    assert as_charlie.get(BATCH).json()["total"] == 0


def test_where_people_have_to_sign_in_they_have_to_for_batches(
    anybody: Api, settings: Settings
) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, allow_anonymous_debates=False)
    answer = anybody.post(BATCH, {"requests": debates()})
    assert (answer.status_code, Debate.objects.count()) == (401, 0)
