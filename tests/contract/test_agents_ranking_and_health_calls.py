"""Every call of the client about agents, their ranking and the server's health."""

import aragora_sdk

from tests.contract.conftest import Sdk

AGENT_KEYS = {
    "name", "model", "provider", "persona", "available", "elo", "matches", "wins", "losses",
}  # fmt: skip
RANKING_KEYS = {
    "rank",
    "name",
    "elo",
    "bt",
    "bt_low",
    "bt_high",
    "wins",
    "losses",
    "draws",
    "games",
    "win_rate",
    "brier",
}


def test_agents_are_listed_with_their_record(sdk: Sdk) -> None:
    answer = sdk("agents.list")

    assert answer["total"] == len(answer["agents"]) > 0
    for agent in answer["agents"]:
        assert set(agent) >= AGENT_KEYS
        aragora_sdk.Agent.model_validate(agent)


def test_the_paginator_brings_every_agent_once(sdk: Sdk) -> None:
    names = [agent["name"] for agent in sdk.items("agents.list_all", page_size=1)]
    assert names == [agent["name"] for agent in sdk("agents.list")["agents"]]


def test_an_agents_elo(sdk: Sdk) -> None:
    """The embedded agents stand outside the ranking."""
    name = sdk("agents.list")["agents"][0]["name"]
    answer = sdk("agents.get_elo", name)
    assert (answer["agent"], answer["elo"], answer["rated"]) == (name, None, False)


def test_every_name_of_the_leaderboard(sdk: Sdk) -> None:
    for answer in (
        sdk("agents.get_leaderboard"),
        sdk("agents.get_rankings", domain="general"),
        sdk("leaderboard.get_rankings", limit=5),
        sdk("leaderboard.get_view"),
        sdk("ranking.get_leaderboard"),
    ):
        assert answer["rankings"] == answer["agents"] == answer["items"]
        assert answer["count"] == len(answer["rankings"])
        for entry in answer["rankings"]:
            assert set(entry) >= RANKING_KEYS
    assert isinstance(sdk("ranking.get_top", 3), list)
    assert isinstance(sdk("ranking.get_recently_active"), list)
    assert isinstance(sdk("ranking.list_by_domain", "general"), list)


def test_health(sdk: Sdk) -> None:
    answer = sdk("health.check")
    assert answer["status"] == "healthy"
    assert answer["database"] == "connected"
    aragora_sdk.HealthCheck.model_validate(answer)
    if not sdk.asynchronous:  # The asynchronous client lacks this one.
        assert sdk("readiness.health")["status"] == "healthy"
