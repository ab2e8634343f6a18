"""Agents and their standing."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypedDict

from django.db.models import Count, F, Sum
from django.db.models.functions import Abs

from aragora_site.tenancy.scopes import act_for
from debates.caching import CALIBRATION, RATINGS
from debates.models import Agent, MatchResult, Rating
from debates.models.rating import OVERALL
from debates.ranking.elo import INITIAL_RATING
from debates.ranking.places import places
from debates.selectors.calibration import brier_of_agents
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
    bt: float | None
    """Bradley-Terry strength over all its debates at once; None until there are enough."""
    bt_low: float | None
    bt_high: float | None
    """The ends of its 95 % interval."""
    place_best: int | None
    place_worst: int | None
    """Between which places by strength it may stand: agents whose intervals overlap are tied."""
    brier: float | None
    """How far its confidence was from what turned out, over public debates: 0 is perfect, 0.25 a
    coin. None without an outcome."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A part of the ranking of one domain, or of all."""

    rows: list[Standing]
    total: int


class Rated(NamedTuple):
    """An agent's rating as it is stored."""

    agent: str
    elo: float
    games: int
    wins: int
    losses: int
    draws: int
    bt: float | None
    bt_low: float | None
    bt_high: float | None
    updated_at: datetime

    @property
    def win_rate(self) -> float:
        return self.wins / self.games


def agent_cards() -> list[AgentCard]:
    """The enabled agents, by name. At most two queries."""
    agents = list(Agent.objects.filter(enabled=True).order_by("name"))
    roster = Roster(agents)
    ratings = {rating.agent: rating for rating in _ratings(OVERALL)}
    return [_card(agent, roster, ratings.get(agent.name)) for agent in agents]


class SortBy(StrEnum):
    """What a leaderboard may be sorted by; the rank goes by Elo all the same."""

    ELO = "elo"
    WINS = "wins"
    GAMES = "games"
    WIN_RATE = "win_rate"
    RECENT_ACTIVITY = "recent_activity"


_SORTED_BY: Mapping[SortBy, Callable[[Rated], Any]] = {
    SortBy.ELO: lambda rated: rated.elo,
    SortBy.WINS: lambda rated: rated.wins,
    SortBy.GAMES: lambda rated: rated.games,
    SortBy.WIN_RATE: lambda rated: rated.win_rate,
    SortBy.RECENT_ACTIVITY: lambda rated: rated.updated_at,
}


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
    if domain != OVERALL and domain not in rated_domains():
        return Leaderboard(rows=[], total=0)
    ranked = sorted(
        (
            rated
            for rated in _ratings(domain)
            if rated.games >= max(1, min_games)
            and (played_since is None or rated.updated_at >= played_since)
        ),
        key=lambda rated: rated.agent,
    )
    ranks = _ranks(rated.elo for rated in ranked)
    place_of = _places(ranked)
    brier_of = CALIBRATION.get(domain, lambda: _read_brier(domain))
    ranked.sort(key=_SORTED_BY[sort_by], reverse=not ascending)
    return Leaderboard(
        rows=[
            Standing(
                rank=ranks[rated.elo],
                name=rated.agent,
                elo=rated.elo,
                games=rated.games,
                wins=rated.wins,
                losses=rated.losses,
                draws=rated.draws,
                win_rate=rated.win_rate,
                bt=rated.bt,
                bt_low=rated.bt_low,
                bt_high=rated.bt_high,
                place_best=place_of[rated.agent][0],
                place_worst=place_of[rated.agent][1],
                brier=brier_of.get(rated.agent),
            )
            for rated in ranked[offset : offset + limit]
        ],
        total=len(ranked),
    )


def _ranks(ratings: Iterable[float]) -> dict[float, int]:
    """The rank of each rating: 1 and as many as are better."""
    ranks: dict[float, int] = {}
    for rank, rating in enumerate(sorted(ratings, reverse=True), start=1):
        ranks.setdefault(rating, rank)
    return ranks


def _places(ranked: Iterable[Rated]) -> dict[str, tuple[int | None, int | None]]:
    """The places by strength that each may hold."""
    found: dict[str, tuple[int | None, int | None]] = {
        rated.agent: (None, None) for rated in ranked
    }
    intervals = {
        rated.agent: (rated.bt_low, rated.bt_high)
        for rated in ranked
        if rated.bt_low is not None and rated.bt_high is not None
    }
    found.update(zip(intervals, places(list(intervals.values())), strict=True))
    return found


def _ratings(domain: str) -> Sequence[Rated]:
    """All ratings of a domain."""
    return RATINGS.get(f"of:{domain}", lambda: _read_ratings(domain))


@analytics
def _read_ratings(domain: str) -> tuple[Rated, ...]:
    rows = Rating.objects.filter(domain=domain).values_list(*Rated._fields)
    return tuple(Rated(*row) for row in rows)


@analytics
def _read_brier(domain: str) -> Mapping[str, float]:
    """As for nobody in particular: what is kept is for all."""
    with act_for():
        return brier_of_agents(domain=domain)


def warm_ratings() -> None:
    """Have the ratings at hand before they are asked for."""
    domains = _read_domains()
    RATINGS.refresh("domains", lambda: domains)
    for domain in (OVERALL, *domains):
        RATINGS.refresh(f"of:{domain}", functools.partial(_read_ratings, domain))
        CALIBRATION.refresh(domain, functools.partial(_read_brier, domain))


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


def rated_domains() -> Sequence[str]:
    """The domains that have a ranking, by name."""
    return RATINGS.get("domains", _read_domains)


@analytics
def _read_domains() -> tuple[str, ...]:
    domains = Rating.objects.exclude(domain=OVERALL).filter(games__gt=0)
    return tuple(domains.order_by("domain").values_list("domain", flat=True).distinct())


def _card(agent: Agent, roster: Roster, rating: Rated | None) -> AgentCard:
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
