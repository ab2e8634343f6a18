"""Agents and their ranking."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from debates.choices import ProviderName
from debates.models import Rating
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

BOARDS = [
    "/api/v1/leaderboard",
    "/api/leaderboard",
    "/api/v1/rankings",
    "/api/v1/leaderboard-view",
    "/api/leaderboard-view",
    "/api/agents/leaderboard",
]


@pytest.mark.parametrize("path", ["/api/v1/agents", "/api/agents"])
def test_agents_with_their_record(anybody: Api, path: str) -> None:
    factories.make_agent("ada")
    factories.make_model_agent("gpt", api_key_variable="NO_SUCH_KEY")
    factories.make_agent("hidden", enabled=False)
    factories.make_rating("gpt", 1530.0, games=3, wins=2, losses=1)

    told = anybody.get(path).json()

    assert told["agents"] == told["items"]
    assert (told["total"], told["count"], told["has_more"]) == (2, 2, False)
    ada, gpt = told["agents"]
    assert (ada["name"], ada["available"], ada["elo"], ada["rated"]) == ("ada", True, None, False)
    assert (gpt["elo"], gpt["matches"], gpt["wins"], gpt["losses"]) == (1530.0, 3, 2, 1)
    assert (gpt["available"], "NO_SUCH_KEY" in gpt["detail"]) == (False, True)
    assert gpt["provider"] == ProviderName.OPENAI_COMPATIBLE
    for name in ("base_url", "api_key_variable", "input_price"):
        assert name not in gpt


def test_all_agents_come_at_once_unless_told_otherwise(anybody: Api) -> None:
    for _ in range(30):
        factories.make_agent()
    assert anybody.get("/api/v1/agents").json()["count"] == 30
    page = anybody.get("/api/v1/agents", {"limit": 7, "offset": 28}).json()
    assert (page["count"], page["has_more"], page["total"]) == (2, False, 30)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/agents/ada", "/api/agents/ada", "/api/v1/agent/ada", "/api/v1/agent/ada/profile"],
)
def test_one_agent(anybody: Api, path: str) -> None:
    factories.make_agent("ada", persona="Careful.")
    told = anybody.get(path).json()
    assert (told["name"], told["persona"]) == ("ada", "Careful.")


@pytest.mark.parametrize("path", ["/api/v1/agents/ada/elo", "/api/v1/agent/ada/elo"])
def test_an_agents_elo(anybody: Api, path: str) -> None:
    factories.make_model_agent("ada")
    told = anybody.get(path).json()
    assert (told["agent"], told["elo"], told["matches"]) == ("ada", 1500.0, 0)


@pytest.mark.parametrize("path", ["/api/v1/agents/nobody", "/api/v1/agents/nobody/elo"])
def test_nobody(anybody: Api, path: str) -> None:
    answer = anybody.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.fixture
def ratings() -> None:
    factories.make_rating("ada", 1520.0, games=4, wins=3, losses=1)
    factories.make_rating("ben", 1500.0, games=9, wins=5, losses=4)
    factories.make_rating("cleo", 1480.0, games=2, wins=0, losses=1, draws=1)
    factories.make_rating("ben", 1510.0, domain="law", games=1, wins=1)
    old = timezone.now() - timedelta(days=40)
    Rating.objects.filter(agent="cleo").update(updated_at=old)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["rankings"] == told["agents"] == told["items"]
    return [row["name"] for row in told["rankings"]]


@pytest.mark.parametrize("path", BOARDS)
@pytest.mark.usefixtures("ratings")
def test_the_leaderboard_under_all_its_names(anybody: Api, path: str) -> None:
    answer = anybody.get(path, {"view": "overall"})
    assert names(answer) == ["ada", "ben", "cleo"]
    assert answer.json()["domains"] == ["law"]
    assert answer.json()["rankings"][0] == {
        "rank": 1,
        "name": "ada",
        "agent": "ada",
        "elo": 1520.0,
        "bt": None,
        "bt_low": None,
        "place_best": None,
        "place_worst": None,
        "bt_high": None,
        "wins": 3,
        "losses": 1,
        "draws": 0,
        "games": 4,
        "win_rate": 0.75,
        "brier": None,
    }


@pytest.mark.usefixtures("ratings")
def test_the_view_also_tells_of_domains_and_movers(anybody: Api) -> None:
    factories.make_match(factories.make_debate(), won="ada", lost="ben")
    told = anybody.get("/api/leaderboard-view").json()
    assert told["global"] == told["rankings"]
    assert [row["name"] for row in told["by_domain"]["law"]] == ["ben"]
    assert told["recent_movers"] == [
        {"name": "ada", "agent": "ada", "change": 16.0, "games": 1},
        {"name": "ben", "agent": "ben", "change": -16.0, "games": 1},
    ]
    assert told["updated_at"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"domain": "law"}, ["ben"]),
        ({"domain": "nothing"}, []),
        ({"min_debates": 4}, ["ada", "ben"]),
        ({"period": "30d"}, ["ada", "ben"]),
        ({"period": "all"}, ["ada", "ben", "cleo"]),
        ({"sort_by": "wins"}, ["ben", "ada", "cleo"]),
        ({"sort_by": "games", "order": "asc"}, ["cleo", "ada", "ben"]),
        ({"sort_by": "win_rate"}, ["ada", "ben", "cleo"]),
        ({"sort_by": "recent_activity", "order": "asc"}, ["cleo", "ada", "ben"]),
        ({"limit": 1, "offset": 1}, ["ben"]),
    ],
)
@pytest.mark.usefixtures("ratings")
def test_its_filters(anybody: Api, params: dict[str, Any], expected: list[str]) -> None:
    assert names(anybody.get("/api/v1/leaderboard", params)) == expected


@pytest.mark.parametrize(
    "params", [{"sort_by": "luck"}, {"period": "1y"}, {"order": "up"}, {"min_debates": -1}]
)
def test_wrong_filters(anybody: Api, params: dict[str, Any]) -> None:
    answer = anybody.get("/api/v1/leaderboard", params)
    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == list(params)
