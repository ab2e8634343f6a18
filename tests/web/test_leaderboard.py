"""The ratings, overall and by domain."""

import pytest
from django.test import Client

from debates.models import Rating
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


def rate(agent: str, elo: float, domain: str = "", games: int = 40) -> None:
    Rating.objects.create(
        agent=agent, domain=domain, elo=elo, games=games, wins=games // 2, losses=games // 2
    )


def read(client: Client, query: str = "") -> str:
    return client.get(f"/leaderboard/{query}").content.decode()


def test_without_ratings_it_explains_who_stands_outside(client: Client) -> None:
    make_agent("ada")
    page = read(client)
    assert "Nobody has a rating yet." in page
    assert "Extractive agents stand outside the ranking" in page
    assert "<table" not in page


def test_the_best_come_first(client: Client) -> None:
    rate("gpt", 1490.4)
    rate("claude", 1525.6)
    page = read(client)
    assert page.index("claude") < page.index("gpt")
    assert "<b>1526</b>" in page
    assert "With fewer than 30 debates" not in page


def test_few_games_are_pointed_out(client: Client) -> None:
    rate("gpt", 1510, games=3)
    assert "With fewer than 30 debates a rating says little." in read(client)


def test_a_domain_has_a_ranking_of_its_own(client: Client) -> None:
    rate("gpt", 1500)
    rate("claude", 1600, domain="law")
    page = read(client, "?domain=law")
    assert "claude" in page
    assert "gpt" not in page
    assert '?domain=law" aria-current="page"' in page


def test_a_domain_without_ratings_says_so(client: Client) -> None:
    rate("gpt", 1500)
    assert "Nobody has a rating in “&lt;b&gt;” yet." in read(client, "?domain=%3Cb%3E")
