"""The client makes debates out of others, and puts them away."""

import warnings
from typing import Any

import aragora_sdk
import pytest

from tests.contract.conftest import Sdk

QUESTION = "Should a small team adopt microservices?"


@pytest.fixture(autouse=True)
def _old_methods_too() -> Any:
    """The client warns that its own server lacks the archive; this one has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def finished(sdk: Sdk) -> dict[str, Any]:
    """A debate that ran to its end."""
    return sdk.until_over(sdk("debates.create", task=QUESTION, rounds=1)["debate_id"])


def test_clone(sdk: Sdk, finished: dict[str, Any]) -> None:
    made = sdk("debates.clone", finished["id"], autostart=False)
    clone = sdk("debates.get", made["debate_id"])
    assert (made["success"], clone["status"]) == (True, "created")
    assert (clone["task"], clone["agents"]) == (QUESTION, finished["agents"])
    assert clone["protocol"] == finished["protocol"]
    assert clone["parent"]["debate_id"] == finished["id"]


def test_follow_up(sdk: Sdk, finished: dict[str, Any]) -> None:
    made = sdk("debates.follow_up", finished["id"], context="There are five of us.")
    debate = sdk.until_over(made["debate_id"])
    assert debate["status"] == "completed"
    assert (debate["origin"], debate["parent"]["debate_id"]) == ("follow_up", finished["id"])
    assert finished["final_answer"] in debate["context"]
    assert debate["context"].endswith("There are five of us.")


def test_fork_and_the_list_of_forks(sdk: Sdk, finished: dict[str, Any]) -> None:
    changes = {"branch_point": 0, "modified_context": "There are five of us."}
    made = sdk("debates.fork", finished["id"], changes)
    assert (made["parent_debate_id"], made["branch_point"]) == (finished["id"], 0)
    assert made["messages_inherited"] == len(finished["agents"])
    fork = sdk.until_over(made["branch_id"])
    assert (fork["status"], fork["origin"]) == ("completed", "fork")
    drafts = [
        [one["content"] for one in sdk("debates.get_messages", key)["messages"] if not one["round"]]
        for key in (finished["id"], fork["id"])
    ]
    assert drafts[0] == drafts[1]
    listed = sdk("debates.list_forks", finished["id"])["forks"]
    assert [one["branch_id"] for one in listed] == [fork["id"]]
    with pytest.raises(aragora_sdk.ValidationError) as refused:
        sdk("debates.fork", finished["id"], {"branch_point": 9})
    assert [item["field"] for item in refused.value.errors] == ["branch_point"]


def test_archive(sdk: Sdk, finished: dict[str, Any]) -> None:
    def ids(method: str) -> list[str]:
        return [one["id"] for one in sdk(method, limit=100)["debates"]]

    assert sdk("debates.archive", finished["id"])["success"] is True
    assert finished["id"] not in ids("debates.list")
    assert finished["id"] in ids("debates.list_archived")
    assert sdk("debates.get", finished["id"])["archived_at"]
