"""Online Elo for debates of two or more agents. Pure: no Django.

An n-agent debate counts as n(n-1)/2 games, each weighted 1/(n-1), so that one debate moves a
rating as much as one two-player game. Source: A. Elo, The Rating of Chessplayers (1978).
"""

from collections.abc import Mapping
from itertools import combinations
from math import fsum, pow

INITIAL_RATING = 1500.0
K_FACTOR = 32.0
SCALE = 400.0
"""Points of difference at which the stronger is expected to score ten times as much."""

WIN, DRAW, LOSS = 1.0, 0.5, 0.0


def expected_score(rating: float, opponent: float) -> float:
    """The score, from 0 to 1, that a player of `rating` is expected to make against `opponent`."""
    return 1.0 / (1.0 + pow(10.0, (opponent - rating) / SCALE))


def rate_debate(ratings: Mapping[str, float], winners: frozenset[str]) -> dict[str, float]:
    """The ratings after a debate among the agents of `ratings`.

    A winner beats everybody who is not one; winners draw among themselves, and so do the others.
    Points are only exchanged, never made, and the order of `ratings` does not matter, to the last
    bit. Raises `ValueError` for fewer than two agents or a winner who did not take part."""
    if len(ratings) < 2:
        raise ValueError("a debate is rated among at least two agents")
    if not winners <= ratings.keys():
        raise ValueError("a winner took no part in the debate")
    weight = K_FACTOR / (len(ratings) - 1)
    changes: dict[str, list[float]] = {agent: [rating] for agent, rating in ratings.items()}
    for one, other in combinations(sorted(ratings), 2):
        expected = expected_score(ratings[one], ratings[other])
        won = weight * (score(one in winners, other in winners) - expected)
        changes[one].append(won)
        changes[other].append(-won)
    return {agent: fsum(parts) for agent, parts in changes.items()}


def score(won: bool, opponent_won: bool) -> float:
    """What one game of a debate counts for an agent."""
    if won == opponent_won:
        return DRAW
    return WIN if won else LOSS
