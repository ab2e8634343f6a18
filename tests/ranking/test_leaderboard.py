"""The ranking as it is read, and the cards of agents."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from debates import selectors
from debates.choices import DebateStatus, Visibility
from debates.engine.positions import candidate_id
from debates.models import Debate, Outcome, Rating
from tests.factories import (
    make_agent,
    make_ballot,
    make_debate,
    make_model_agent,
    make_rating,
    make_verdict,
)

pytestmark = pytest.mark.django_db


def test_the_best_come_first_and_equals_share_a_rank() -> None:
    for name, elo in (("d", 1400.0), ("b", 1500.0), ("a", 1500.0), ("c", 1600.0)):
        make_rating(name, elo)
    board = selectors.leaderboard()
    assert [(row["rank"], row["name"]) for row in board.rows] == [
        (1, "c"),
        (2, "a"),
        (2, "b"),
        (4, "d"),
    ]
    assert board.total == 4


def test_a_page_keeps_its_ranks() -> None:
    for number in range(5):
        make_rating(f"agent-{number}", 1500.0 - number)
    board = selectors.leaderboard(limit=2, offset=2)
    assert [(row["rank"], row["name"]) for row in board.rows] == [(3, "agent-2"), (4, "agent-3")]
    assert board.total == 5


def test_each_domain_has_its_own() -> None:
    make_rating("ada", 1600.0, domain="law")
    make_rating("ada", 1500.0)
    make_rating("ben", 1500.0, domain="art", games=0)
    assert [row["elo"] for row in selectors.leaderboard(domain="law").rows] == [1600.0]
    assert selectors.leaderboard(domain="nothing").rows == []
    assert list(selectors.rated_domains()) == ["law"]


def test_the_win_rate_is_wins_in_games() -> None:
    make_rating("ada", games=8, wins=2, losses=3, draws=3)
    (row,) = selectors.leaderboard().rows
    assert row["win_rate"] == 0.25


def test_who_has_not_played_enough_or_lately_is_left_out_before_ranking() -> None:
    make_rating("new", 1700.0, games=1)
    make_rating("old", 1600.0, games=9)
    make_rating("here", 1500.0, games=9)
    Rating.objects.filter(agent="old").update(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    board = selectors.leaderboard(min_games=5, played_since=datetime(2025, 1, 1, tzinfo=UTC))
    assert [(row["rank"], row["name"]) for row in board.rows] == [(1, "here")]


def test_cards_tell_who_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRA_API_KEY", raising=False)
    make_agent("ada")
    make_model_agent("luna", persona="Careful.")
    make_model_agent("mira", api_key_variable="MIRA_API_KEY")
    make_model_agent("gone", enabled=False)
    make_rating("luna", 1550.0, games=3, wins=2, losses=1)
    make_rating("luna", 1900.0, domain="law")
    ada, luna, mira = selectors.agent_cards()
    assert (ada["name"], ada["is_language_model"], ada["elo"]) == ("ada", False, None)
    assert (luna["available"], luna["elo"], luna["matches"], luna["wins"]) == (True, 1550.0, 3, 2)
    assert (mira["available"], mira["elo"]) == (False, 1500.0)
    assert "MIRA_API_KEY" in mira["detail"]


def test_cards_take_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(10):
        make_agent()
    with django_assert_num_queries(2):
        assert len(selectors.agent_cards()) == 10


def forecast(confidence: float, *, came_true: bool, **fields: Any) -> Debate:
    """A debate that ada voted for the decision of, and what turned out."""
    debate = make_debate(status=DebateStatus.COMPLETED, **fields)
    make_verdict(debate)
    make_ballot(debate, "ada", ranking=[candidate_id("Yes")], confidence=confidence)
    make_ballot(debate, "cleo", ranking=[candidate_id("No")], confidence=0.9)
    Outcome.objects.create(
        debate=debate,
        came_true=came_true,
        confidence=0.6,
        surprise=0.4,
        recorded_at=timezone.now(),
    )
    return debate


def test_the_brier_score_is_that_of_forecasts_that_everybody_may_see(
    alice: User, client: Client
) -> None:
    for name in ("ada", "cleo"):
        make_rating(name)
        make_rating(name, domain="law")
    forecast(0.8, came_true=True)
    forecast(0.6, came_true=False, domain="law")
    forecast(1.0, came_true=False, owner=alice, visibility=Visibility.PRIVATE)

    def told(query: str = "") -> dict[str, float | None]:
        rows = client.get(f"/api/v1/leaderboard{query}").json()["rankings"]
        return {row["name"]: row["brier"] for row in rows}

    client.force_login(alice)
    assert told() == {"ada": pytest.approx((0.2**2 + 0.6**2) / 2), "cleo": None}
    assert told("?domain=law") == {"ada": pytest.approx(0.6**2), "cleo": None}
    page = client.get("/leaderboard/").content.decode()
    assert ("Calibration" in page, "0.200" in page) == (True, True)
    assert "Calibration" not in Client().get("/leaderboard/?domain=nothing").content.decode()
