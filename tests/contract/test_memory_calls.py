"""The client's calls on memory and on what debates have come to."""

from tests.contract.conftest import Sdk
from tests.support.sites import wait_until

QUESTION = "Should a small team adopt microservices?"
FACT = "The deployment window is on Tuesdays."


def test_memory_is_stored_found_moved_and_forgotten(sdk: Sdk) -> None:
    made = sdk("memory.store", FACT, tier="medium", importance=0.8)
    assert (made["success"], made["tier"]) == (True, "medium")
    found = sdk("memory.search", "deployment window", tier=["medium", "slow"], limit=5)
    assert [item["content"] for item in found["results"]] == [FACT]
    found = sdk("memory.retrieve_continuum", "deployment window", tiers=["medium"])
    assert [item["id"] for item in found["memories"]] == [made["id"]]
    assert sdk("memory.promote_entry", made["id"], "glacial")["tier"] == "glacial"
    assert made["id"] in [item["id"] for item in sdk("memory.list_entries")["entries"]]
    names = ["fast", "medium", "slow", "glacial"]
    for call in ("memory.get_tier_stats", "memory.list_tiers", "memory.stats"):
        assert [tier["name"] for tier in sdk(call)["tiers"]] == names
    assert sdk("memory.get_pressure")["level"] == "normal"
    assert sdk("memory.consolidate")["success"] is True
    assert sdk("memory.delete_entry", made["id"])["success"] is True
    assert sdk("memory.search", "deployment window")["count"] == 0


def test_what_debates_have_come_to(sdk: Sdk) -> None:
    first = sdk.until_over(sdk("debates.create", task=QUESTION, rounds=1)["id"])
    sdk.until_over(sdk("debates.create", task=QUESTION, rounds=1)["id"])

    def found() -> list[str]:
        similar = sdk("consensus.get_similar_debates", QUESTION, limit=5)["similar"]
        return [item["slug"] for item in similar]

    wait_until(lambda: first["slug"] in found())  # Memory is told a moment after the end.
    settled = sdk("consensus.get_settled_topics", min_confidence=0.0)
    assert settled["count"] >= 1
    assert sdk("consensus.get_stats")["total_debates"] >= 2
    assert "dissents" in sdk("consensus.get_dissents", topic=QUESTION)
