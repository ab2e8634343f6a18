"""Agents and their standing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from django.db.models import Count, F, Sum, Window
from django.db.models.functions import Abs, Rank

from debates.models import Agent, MatchResult, Rating
from debates.models.rating import OVERALL
from debates.ranking.elo import INITIAL_RATING
from debates.services.panels import Roster
from monitoring.replica import analytics


class AgentCard(TypedDict):
    """An agent that debates may be held with. No address, and no key."""

    name: str
    model: str
    provider: str
    family: str
    persona: str
    is_language_model: bool
    available: bool
    """Whether it has the key that it needs; whether its server answers is not asked here."""
    detail: str
    """Why it is not available, in a sentence; otherwise empty."""
    rated: bool
    elo: float | None
    """None for an agent that stands outside the ranking."""
    matches: int
    wins: int
    losses: int
    draws: int


class Standing(TypedDict):
    """A line of the leaderboard. Equal ratings share a rank."""

    rank: int
    name: str
    elo: float
    games: int
    wins: int
    losses: int
    draws: int
    win_rate: float
    """Wins in games, from 0 to 1; 0 before the first game."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A part of the ranking of one domain, or of all."""

    rows: list[Standing]
    total: int


def agent_cards() -> list[AgentCard]:
    """The enabled agents, by name. Two queries."""
    agents = list(Agent.objects.filter(enabled=True).order_by("name"))
    roster = Roster(agents)
    ratings = {
        rating.agent: rating
        for rating in Rating.objects.filter(
            domain=OVERALL, agent__in=[agent.name for agent in agents]
        )
    }
    return [_card(agent, roster, ratings.get(agent.name)) for agent in agents]


class SortBy(StrEnum):
    """What a leaderboard may be sorted by; the rank goes by Elo all the same."""

    ELO = "elo"
    WINS = "wins"
    GAMES = "games"
    WIN_RATE = "win_rate"
    RECENT_ACTIVITY = "recent_activity"


_COLUMNS = {SortBy.WIN_RATE: "share", SortBy.RECENT_ACTIVITY: "updated_at"}


@analytics
def leaderboard(
    *,
    domain: str = OVERALL,
    limit: int = 20,
    offset: int = 0,
    min_games: int = 1,
    played_since: datetime | None = None,
    sort_by: SortBy = SortBy.ELO,
    ascending: bool = False,
) -> Leaderboard:
    """The ratings of a domain, best first; of all domains together when none is named.

    Agents with fewer games than `min_games`, or none since `played_since`, are left out before
    anybody is ranked."""
    ratings = Rating.objects.filter(domain=domain, games__gte=max(1, min_games))
    if played_since is not None:
        ratings = ratings.filter(updated_at__gte=played_since)
    column = _COLUMNS.get(sort_by, sort_by.value)
    ranked = ratings.annotate(
        rank=Window(Rank(), order_by=F("elo").desc()), share=F("wins") * 1.0 / F("games")
    ).order_by(column if ascending else f"-{column}", "agent")
    return Leaderboard(
        rows=[
            Standing(
                rank=rating.rank,
                name=rating.agent,
                elo=rating.elo,
                games=rating.games,
                wins=rating.wins,
                losses=rating.losses,
                draws=rating.draws,
                win_rate=rating.wins / rating.games,
            )
            for rating in ranked[offset : offset + limit]
        ],
        total=ratings.count(),
    )


class Mover(TypedDict):
    """How an agent's rating over all domains has changed."""

    name: str
    agent: str
    """The same as `name`."""
    change: float
    games: int


@analytics
def recent_movers(*, since: datetime, limit: int = 10) -> list[Mover]:
    """Whose ratings have changed most since then, in whatever direction."""
    changes = (
        MatchResult.objects.filter(match__created_at__gte=since)
        .values("agent")
        .annotate(change=Sum(F("elo_after") - F("elo_before")), games=Count("pk"))
        .order_by(Abs("change").desc(), "agent")
    )
    return [
        Mover(
            name=row["agent"],
            agent=row["agent"],
            change=round(row["change"], 6),
            games=row["games"],
        )
        for row in changes[:limit]
    ]


@analytics
def rated_domains() -> list[str]:
    """The domains that have a ranking, by name."""
    domains = Rating.objects.exclude(domain=OVERALL).filter(games__gt=0)
    return list(domains.order_by("domain").values_list("domain", flat=True).distinct())


def _card(agent: Agent, roster: Roster, rating: Rating | None) -> AgentCard:
    reason = roster.why_not(agent.name)
    rated = agent.rated and agent.is_language_model
    initial = INITIAL_RATING if rated else None
    return AgentCard(
        name=agent.name,
        model=agent.model,
        provider=agent.provider,
        family=agent.family_or_model,
        persona=agent.persona,
        is_language_model=agent.is_language_model,
        available=not reason,
        detail=reason,
        rated=rated,
        elo=rating.elo if rating else initial,
        matches=rating.games if rating else 0,
        wins=rating.wins if rating else 0,
        losses=rating.losses if rating else 0,
        draws=rating.draws if rating else 0,
    )
