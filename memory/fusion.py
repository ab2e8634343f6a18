"""From several rankings to one list. Pure: no Django.

Reciprocal-rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) joins rankings whose scores have
nothing in common. Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) keeps what says
the same thing twice from taking two places.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

K = 60
"""Of the paper: how little the very first places differ."""
RELEVANCE_SHARE = 0.7
"""How much relevance counts against being different."""

Key = TypeVar("Key", bound=Hashable)


def fuse(
    rankings: Sequence[Sequence[Key]], *, weights: Sequence[float] = (), k: int = K
) -> dict[Key, float]:
    """The fused score of everything ranked, best first; equals in the order of their keys as
    they were first met. Rankings count alike, unless they are given weights. A score is at most
    the sum of the weights over k + 1."""
    scores: dict[Key, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for place, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + weight / (k + place)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def diversify(
    scores: Mapping[Key, float],
    alike: Sequence[Sequence[float]],
    *,
    limit: int,
    share: float = RELEVANCE_SHARE,
) -> list[Key]:
    """Up to `limit` of the scored, each as relevant and as unlike those before it as can be.

    `alike` says how far, from 0 to 1, one says the same as another, in the order of `scores`."""
    import numpy as np

    keys = list(scores)
    best = max(scores.values(), default=1.0) or 1.0
    worth = np.array([share * score / best for score in scores.values()])
    rows = np.asarray(alike, dtype=np.float64)
    nearest = np.zeros(len(keys))
    chosen: list[Key] = []
    while len(chosen) < min(limit, len(keys)):
        place = int(np.argmax(worth - (1.0 - share) * nearest))
        chosen.append(keys[place])
        worth[place] = -np.inf
        np.maximum(nearest, rows[place], out=nearest)
    return chosen
