"""From several rankings to one list. Pure: no Django.

Reciprocal-rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) joins rankings whose scores have
nothing in common. Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) keeps what says
the same thing twice from taking two places.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

K = 60
"""Of the paper: how little the very first places differ."""
RELEVANCE_SHARE = 0.7
"""How much relevance counts against being different."""

Key = TypeVar("Key", bound=Hashable)


def fuse(rankings: Sequence[Sequence[Key]], *, k: int = K) -> dict[Key, float]:
    """The fused score of everything ranked, best first; equals in the order of their keys as
    they were first met. A score is at most the number of rankings over k + 1."""
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for place, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (k + place)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def diversify(
    scores: Mapping[Key, float],
    similarity: Callable[[Key, Key], float],
    *,
    limit: int,
    share: float = RELEVANCE_SHARE,
) -> list[Key]:
    """Up to `limit` of the scored, each as relevant and as unlike those before it as can be."""
    best = max(scores.values(), default=1.0) or 1.0
    left = {key: score / best for key, score in scores.items()}
    nearest = dict.fromkeys(left, 0.0)
    chosen: list[Key] = []
    while left and len(chosen) < limit:
        key = max(left, key=lambda one: share * left[one] - (1.0 - share) * nearest[one])
        chosen.append(key)
        del left[key]
        for other in left:
            nearest[other] = max(nearest[other], similarity(key, other))
    return chosen
