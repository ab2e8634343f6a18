"""The ranking as it is read, and the cards of agents."""

from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from debates import selectors
from debates.models import Rating
from tests.factories import make_agent, make_model_agent, make_rating

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
