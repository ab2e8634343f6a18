"""The client steers debates that are under way, and follows them live."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import Sdk
from tests.support import processes

QUESTION = "Should a small team adopt microservices?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Server]:
    """A server whose agents speak slowly enough to be interrupted."""
    with processes.aragora(
        tmp_path_factory.mktemp("slow"), ARAGORA_EXTRACTIVE_WORDS_PER_SECOND="40"
    ) as running:
        yield running


def started(sdk: Sdk) -> str:
    created = sdk("debates.create", task=QUESTION, rounds=3)
    debate_id: str = created["id"]
    sdk.until(debate_id, lambda debate: debate["status"] == "running")
    return debate_id


def test_pause_and_resume(sdk: Sdk) -> None:
    debate_id = started(sdk)
    assert sdk("debates.pause", debate_id)["status"] == "paused"
    assert debate_id in [item["id"] for item in sdk("debates.list_active")["debates"]]
    assert sdk("debates.get", debate_id)["status"] == "paused"
    assert sdk("debates.resume", debate_id)["success"] is True
    sdk.until(debate_id, lambda debate: debate["status"] == "running")
    sdk("debates.cancel", debate_id)


def test_cancel_ends_a_debate_that_speaks(sdk: Sdk) -> None:
    debate_id = started(sdk)
    assert sdk("debates.cancel", debate_id)["status"] == "cancelled"
    debate = sdk("debates.get", debate_id)
    assert (debate["status"], debate["stop_reason"]) == ("cancelled", "cancelled")
    types = [event["type"] for event in sdk("debates.get_events", debate_id)["events"]]
    assert types[-2:] == ["debate_cancelled", "debate_end"]


def test_stop_asks_for_the_verdict_now(sdk: Sdk) -> None:
    debate_id = started(sdk)
    sdk.until(debate_id, lambda _: sdk("debates.get_messages", debate_id)["total"] >= 2)
    assert sdk("debates.stop", debate_id)["success"] is True
    debate = sdk.until_over(debate_id)
    assert debate["status"] in {"completed", "failed"}
    assert debate["stop_reason"] in {"stopped", "unanimous", "quorum"}


def test_the_panel_is_spoken_to(sdk: Sdk) -> None:
    debate_id = sdk("debates.create", task=QUESTION, rounds=3, autostart=False)["id"]
    queued = sdk("debates.intervene", debate_id, "constraint", "Five people, no more.")
    assert (queued["status"], queued["apply_at_round"]) == ("queued", 1)
    assert queued["intervention_id"]
    assert sdk("debates.add_message", debate_id, "Think of the deploys.")["role"] == "user"
    assert sdk("debates.intervention_inject", debate_id, "And of who is on call.")["success"]
    assert sdk("debates.add_user_input", debate_id, "Ask the interns.")["type"] == "suggestion"
    log = sdk("debates.get_intervention_log", debate_id)["interventions"]
    assert [one["type"] for one in log] == ["constraint", "message", "message"]
    messages = sdk("debates.get_messages", debate_id)["messages"]
    assert [(one["role"], one["content"]) for one in messages] == [
        ("user", "Think of the deploys."),
        ("user", "And of who is on call."),
    ]


@pytest.mark.parametrize("sdk", ["async"], indirect=True)
def test_stream_follows_a_debate_to_its_end(sdk: Sdk) -> None:
    debate_id = started(sdk)

    async def follow(client: Any) -> list[str]:
        types = []
        async for event in client.debates.stream(debate_id):
            if event.type == "token_delta" and "token_delta" not in types:
                # Agents are in the middle of their first words, so it cannot be over before.
                await client.debates.cancel(debate_id)
            types.append(event.type)
        return types

    types = sdk.run(follow)
    assert "token_delta" in types
    assert types[-2:] == ["debate_cancelled", "debate_end"]
