"""Every call of the client about batches."""

from typing import Any

import aragora_sdk
import pytest

from tests.contract.conftest import Sdk

TASKS = ["Should a small team adopt microservices?", "Should it keep one database?"]


def requests(**fields: Any) -> list[dict[str, Any]]:
    return [{"task": task, "rounds": 1, **fields} for task in TASKS]


def test_a_batch_runs_to_its_end(sdk: Sdk) -> None:
    batch = sdk("debates.submit_batch", requests())
    assert (batch["success"], batch["items_queued"]) == (True, 2)
    for item in batch["items"]:
        sdk.until_over(item["debate_id"])

    for call in ("debates.get_batch_status", "batch.get_status", "batch.get_results"):
        told = sdk(call, batch["batch_id"])
        assert (told["status"], told["progress_percent"]) == ("completed", 100)
        assert [item["task"] for item in told["items"]] == TASKS
        assert all(item["result"]["final_answer"] for item in told["items"])
    for call in ("debates.list_batches", "batch.list"):
        listed = sdk(call, status="completed")
        assert batch["batch_id"] in [one["batch_id"] for one in listed["batches"]]


def test_the_batch_namespace_submits_too(sdk: Sdk) -> None:
    stored = requests(autostart=False)
    batch = sdk("batch.submit_debates", stored, priority="high", metadata={"for": "us"})
    assert (batch["items_queued"], batch["total_items"], batch["warnings"]) == (0, 2, [])
    debate = sdk("debates.get", batch["items"][0]["debate_id"])
    assert debate["metadata"] == {"for": "us"}
    assert sdk("batch.submit", stored, metadata={"for": "us"})["total_items"] == 2
    assert sdk("batch.get_queue_status") == sdk("debates.get_queue_status")


def test_nobody_is_called_back(sdk: Sdk) -> None:
    with pytest.raises(aragora_sdk.ValidationError) as refused:
        sdk("batch.submit_debates", requests(), callback_url="https://example.org/hook")
    assert [error["field"] for error in refused.value.errors] == ["webhook_url"]


def test_what_is_wrong_is_named_by_its_place(sdk: Sdk) -> None:
    with pytest.raises(aragora_sdk.ValidationError) as refused:
        sdk("debates.submit_batch", [*requests(), {"task": ""}])
    assert [error["field"] for error in refused.value.errors] == ["requests.2.task"]


def test_a_batch_that_does_not_exist_is_not_found(sdk: Sdk) -> None:
    with pytest.raises(aragora_sdk.NotFoundError):
        sdk("debates.get_batch_status", "no-such-batch")
