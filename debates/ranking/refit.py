"""Keeps the ratings true to the log of matches: Elo where it has drifted, strengths where the log
has grown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.db import connection, transaction
from django.db.models import Count, F, Max

from debates.caching import RATINGS
from debates.models import Match, MatchResult, Rating
from debates.models.rating import OVERALL
from debates.ranking.services import recompute_ratings

if TYPE_CHECKING:
    from debates.ranking.bradley_terry import Outcome

log = structlog.get_logger(__name__)

MOST_DEBATES = 20_000
"""The newest, to which strengths are fitted; these take a few seconds."""


@dataclass(frozen=True, slots=True)
class Refit:
    """What was done."""

    differences: int
    """Stored figures that were not what the log gives, and were put right."""
    domains: tuple[str, ...]
    """Those whose strengths were fitted anew."""


def refit_ratings(*, now: datetime) -> Refit:
    """Put right what has drifted, and fit the strengths of every domain with new matches. Blocking;
    in several processes at once it does no harm."""
    differences = 0
    # On SQLite a match that is recorded between two queries looks like a drift, once.
    if _has_drifted() and _has_drifted():
        differences = len(recompute_ratings(now=now).differences)
        log.warning("ratings_drifted", differences=differences)
    grown = Rating.objects.exclude(games=F("fitted_games")).values_list("domain", flat=True)
    domains = tuple(sorted(set(grown)))
    for domain in domains:
        fit_strengths(domain=domain)
    return Refit(differences, domains)


def fit_strengths(*, domain: str = OVERALL) -> None:
    """Fit the strengths of the agents in a domain, or in all of them, to the newest matches."""
    from debates.ranking.bradley_terry import MIN_GAMES, fit

    # Before the matches: one that comes meanwhile makes the domain due again.
    ratings = list(Rating.objects.filter(domain=domain))
    strengths = fit(_outcomes(domain))
    for rating in ratings:
        found = strengths.get(rating.agent)
        told = found if found is not None and found.games >= MIN_GAMES else None
        rating.bt = told.value if told else None
        rating.bt_low = told.low if told else None
        rating.bt_high = told.high if told else None
        rating.fitted_games = rating.games
    with transaction.atomic():
        # In the order in which the end of a debate locks them.
        keys = [rating.pk for rating in ratings]
        list(Rating.objects.select_for_update().filter(pk__in=keys).order_by("domain", "agent"))
        Rating.objects.bulk_update(
            ratings, ("bt", "bt_low", "bt_high", "fitted_games"), batch_size=100
        )
        RATINGS.changed()


def _outcomes(domain: str) -> list[Outcome]:
    from debates.ranking.bradley_terry import Outcome

    matches = Match.objects.all() if domain == OVERALL else Match.objects.filter(domain=domain)
    newest = matches.order_by("-id").values("pk")[:MOST_DEBATES]
    took_part: defaultdict[int, list[str]] = defaultdict(list)
    winners: defaultdict[int, set[str]] = defaultdict(set)
    rows = MatchResult.objects.filter(match__in=newest).order_by("match_id", "agent")
    for match, agent, won in rows.values_list("match_id", "agent", "won").iterator():
        took_part[match].append(agent)
        if won:
            winners[match].add(agent)
    return [
        Outcome(tuple(agents), frozenset(winners[match])) for match, agents in took_part.items()
    ]


def _has_drifted() -> bool:
    """Whether a rating is not the one that its agent left its last match with, or has other games
    than the log."""
    with _one_snapshot():
        return _differs_from_log()


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """All queries see the same state, on PostgreSQL and outside of a transaction."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _differs_from_log() -> bool:
    overall = MatchResult.objects.values("agent").annotate(last=Max("match_id"), games=Count("pk"))
    by_domain = MatchResult.objects.values("agent", "match__domain").annotate(
        last=Max("match_id"), games=Count("pk")
    )
    expected = {(OVERALL, row["agent"]): (row["last"], row["games"]) for row in overall}
    expected |= {
        (row["match__domain"], row["agent"]): (row["last"], row["games"]) for row in by_domain
    }
    last = {match for match, _ in expected.values()}
    left_with = {
        (match, agent): (elo, domain_elo)
        for match, agent, elo, domain_elo in MatchResult.objects.filter(match__in=last).values_list(
            "match_id", "agent", "elo_after", "domain_elo_after"
        )
    }
    stored = {
        (domain, agent): (elo, games)
        for domain, agent, elo, games in Rating.objects.values_list(
            "domain", "agent", "elo", "games"
        )
        if games
    }
    return stored != {
        (domain, agent): (left_with[match, agent][domain != OVERALL], games)
        for (domain, agent), (match, games) in expected.items()
    }
