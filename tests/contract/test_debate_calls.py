"""Every call of the client about debates that this server answers."""

import warnings
from typing import Any

import aragora_sdk
import pytest

from tests.contract.conftest import Sdk

QUESTION = "Should a small team adopt microservices?"
DEBATE_KEYS = {
    "id",
    "debate_id",
    "slug",
    "task",
    "status",
    "agents",
    "protocol",
    "rounds",
    "total_rounds",
    "rounds_used",
    "in_progress",
    "created_at",
    "started_at",
    "completed_at",
    "duration_seconds",
    "consensus",
    "consensus_reached",
    "confidence",
    "final_answer",
    "winner",
    "stop_reason",
    "dissenting_views",
    "usage",
    "metadata",
    "visibility",
}
CONSENSUS_KEYS = {
    "reached",
    "agreement",
    "confidence",
    "final_answer",
    "conclusion",
    "supporting_agents",
    "dissenting_agents",
    "method",
}


@pytest.fixture(autouse=True)
def _old_methods_too() -> Any:
    """The client warns that its own server lacks some routes; this one has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def finished(sdk: Sdk) -> dict[str, Any]:
    """A debate that ran to its end."""
    created = sdk("debates.create", task=QUESTION, rounds=1)
    debate = sdk.until_over(created["debate_id"])
    assert debate["status"] == "completed", debate
    return debate


@pytest.fixture
def waiting(sdk: Sdk) -> str:
    """The id of a debate that was stored and not started."""
    created = sdk("debates.create", task=QUESTION, autostart=False)
    assert created["status"] == "created"
    debate_id: str = created["debate_id"]
    return debate_id


def test_create_answers_what_the_client_needs(sdk: Sdk) -> None:
    created = sdk("debates.create", task=QUESTION, protocol={"rounds": 2, "consensus": "majority"})

    assert created["success"] is True
    assert created["id"] == created["debate_id"]
    assert (created["task"], created["rounds"]) == (QUESTION, 2)
    assert len(created["agents"]) >= 2
    assert created["events_url"].endswith(f"/api/v1/debates/{created['id']}/events")
    assert created["ws_url"].startswith("ws://")
    aragora_sdk.DebateCreateResponse.model_validate(created)


@pytest.mark.parametrize("word", list(aragora_sdk.Consensus))
def test_create_takes_every_consensus_word_of_the_client(sdk: Sdk, word: str) -> None:
    created = sdk("debates.create", task=QUESTION, consensus=str(word.value), autostart=False)
    assert created["status"] == "created"


def test_create_takes_the_clients_own_request_model(sdk: Sdk) -> None:
    request = aragora_sdk.DebateCreateRequest(
        task=QUESTION, consensus=aragora_sdk.Consensus.majority
    )
    body = request.model_dump(mode="json")
    assert sdk("debates.create", **body, autostart=False)["success"] is True


def test_quick_debate_and_debate_this_create_too(sdk: Sdk) -> None:
    assert sdk("debates.quick_debate", QUESTION, autostart=False)["debate_id"]
    created = sdk("debates.debate_this", QUESTION, context="We are five.", source="test")
    assert created["task"] == QUESTION


def test_get_by_id_and_by_slug_is_the_whole_debate(sdk: Sdk, finished: dict[str, Any]) -> None:
    assert set(finished) >= DEBATE_KEYS
    assert set(finished["consensus"]) >= CONSENSUS_KEYS
    assert sdk("debates.get_by_slug", finished["slug"])["id"] == finished["id"]
    assert sdk("debates.get", finished["slug"])["id"] == finished["id"]
    typed = aragora_sdk.Debate.model_validate(finished)
    assert typed.status == aragora_sdk.DebateStatus.completed


def test_lists_hold_the_debate_and_say_how_many_there_are(
    sdk: Sdk, finished: dict[str, Any]
) -> None:
    listed = sdk("debates.list", limit=1, status="completed")

    assert listed["debates"] == listed["items"]
    assert (listed["count"], listed["limit"], listed["offset"]) == (1, 1, 0)
    assert listed["has_more"] is (listed["total"] > 1)
    assert set(listed["items"][0]) >= DEBATE_KEYS


def test_the_paginator_brings_every_debate_once(sdk: Sdk, finished: dict[str, Any]) -> None:
    sdk("debates.create", task=QUESTION, autostart=False)
    total = sdk("debates.list")["total"]
    ids = [item["id"] for item in sdk.items("debates.list_all", page_size=2)]
    assert finished["id"] in ids
    assert len(ids) == len(set(ids)) == total


def test_active_debates_are_those_under_way(sdk: Sdk, waiting: str) -> None:
    active = sdk("debates.list_active")
    assert waiting not in [item["id"] for item in active["debates"]]


def test_messages_are_what_was_said(sdk: Sdk, finished: dict[str, Any]) -> None:
    answer = sdk("debates.get_messages", finished["id"])

    assert answer["debate_id"] == finished["id"]
    assert {message["agent"] for message in answer["messages"]} == set(finished["agents"])
    for message in answer["messages"]:
        assert message["content"]
        aragora_sdk.Message.model_validate(message)


def test_events_can_be_polled_to_the_end(sdk: Sdk, finished: dict[str, Any]) -> None:
    since, types, numbers = 0, [], []
    while True:
        page = sdk("debates.get_events", finished["id"], since=since, limit=3)
        if not page["events"]:
            break
        types += [event["type"] for event in page["events"]]
        numbers += [event["seq"] for event in page["events"]]
        since = page["next_seq"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert types[0] == "debate_queued"
    assert types[-1] == "debate_end"


def test_details_of_a_finished_debate(sdk: Sdk, finished: dict[str, Any]) -> None:
    debate_id, agents = finished["id"], set(finished["agents"])

    consensus = sdk("debates.get_consensus", debate_id)
    aragora_sdk.ConsensusResult.model_validate(consensus)
    assert consensus["reached"] is finished["consensus_reached"]
    rounds = sdk("debates.get_rounds", debate_id)["rounds"]
    for entry in rounds:
        aragora_sdk.Round.model_validate(entry)
    members = sdk("debates.get_agents", debate_id)["agents"]
    assert {agent["name"] for agent in members if agent["role"] == "panelist"} == agents
    assert {vote["agent"] for vote in sdk("debates.get_votes", debate_id)["votes"]} <= agents
    assert sdk("debates.get_convergence", debate_id)["rounds"]
    assert sdk("debates.get_summary", debate_id)["summary"]
    assert sdk("debates.get_costs", debate_id)["total_cost_usd"] == 0
    assert sdk("debates.get_timeline", debate_id)["timeline"][-1]["type"] == "debate_end"
    assert sdk("debates.get_metadata", debate_id)["metadata"] == {}


def test_start_and_cancel(sdk: Sdk, waiting: str) -> None:
    assert sdk("debates.start", waiting)["success"] is True
    sdk.until_over(waiting)
    with pytest.raises(aragora_sdk.AragoraError) as refused:
        sdk("debates.cancel", waiting)
    assert refused.value.status_code == 409
    assert refused.value.error_code == "state_forbids"


def test_a_debate_that_waits_can_be_cancelled_at_once(sdk: Sdk, waiting: str) -> None:
    answer = sdk("debates.cancel", waiting)
    assert (answer["success"], answer["status"]) == (True, "cancelled")
    assert sdk("debates.get", waiting)["status"] == "cancelled"


def test_pause_resume_and_stop_are_refused_where_they_make_no_sense(sdk: Sdk, waiting: str) -> None:
    for method in ("debates.pause", "debates.resume", "debates.stop"):
        with pytest.raises(aragora_sdk.AragoraError) as refused:
            sdk(method, waiting)
        assert refused.value.status_code == 409


def test_update_and_delete(sdk: Sdk, waiting: str) -> None:
    updated = sdk("debates.update", waiting, title="Services", tags=["size"], metadata={"a": 1})
    assert (updated["title"], updated["tags"], updated["metadata"]) == (
        "Services",
        ["size"],
        {"a": 1},
    )
    sdk("debates.delete", waiting)
    with pytest.raises(aragora_sdk.NotFoundError):
        sdk("debates.get", waiting)


def test_estimate_before_anything_is_spent(sdk: Sdk) -> None:
    estimate = sdk("debates.estimate_cost", num_agents=3, num_rounds=2)
    assert estimate["tokens_low"] <= estimate["tokens_high"]
    assert estimate["cost_low_usd"] <= estimate["cost_high_usd"]


def test_an_invalid_request_names_the_fields(sdk: Sdk) -> None:
    with pytest.raises(aragora_sdk.ValidationError) as refused:
        sdk("debates.create", task="", rounds=0)
    assert {item["field"] for item in refused.value.errors} == {"task", "rounds"}
    assert refused.value.error_code == "invalid_input"
    assert refused.value.trace_id


def test_what_does_not_exist_is_not_found(sdk: Sdk) -> None:
    with pytest.raises(aragora_sdk.NotFoundError):
        sdk("debates.get", "no-such-debate")


def test_a_key_that_is_not_valid_is_refused(sdk_with_key: Sdk) -> None:
    with pytest.raises(aragora_sdk.AuthenticationError) as refused:
        sdk_with_key("debates.list")
    assert refused.value.error_code == "invalid_api_key"


def test_a_debate_is_taken_away(sdk: Sdk, finished: dict[str, Any]) -> None:
    exported = sdk("debates.export_format", finished["id"])
    assert exported["debate"]["final_answer"] == finished["final_answer"]
    assert exported["events"][-1]["type"] == "debate_end"
    for format in ("csv", "html", "txt", "md"):
        wrapped = sdk("debates.get_export", finished["id"], format=format)
        assert (wrapped["format"], wrapped["filename"][-len(format) :]) == (format, format)
        assert QUESTION in wrapped["content"]
    votes = sdk("debates.get_export", finished["id"], format="csv", table="messages")
    assert votes["content"].startswith('"index","seq"')
    with pytest.raises(aragora_sdk.ValidationError):
        sdk("debates.get_export", finished["id"], format="pdf")


def test_evidence_names_its_documents(sdk: Sdk, finished: dict[str, Any]) -> None:
    answer = sdk("debates.get_evidence", finished["id"])
    assert answer["total"] == len(answer["evidence"]) > 0
    assert {piece["agent"] for piece in answer["evidence"]} <= set(finished["agents"])
    assert all(piece["document"] and piece["verbatim"] for piece in answer["evidence"])
