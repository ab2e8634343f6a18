"""A day's load: how many debates begin at each time of it, and how many people follow them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

DAY_SECONDS = 86_400.0
_NIGHT = 0.08
"""The load of the quietest hour as a share of the busiest."""


@dataclass(frozen=True, slots=True)
class Day:
    """Two busy times, at ten and at three, a quiet night, and a surge at some time of the day."""

    seed: int
    peak_debates: float
    """Debates that run at once at the busiest time, without the surge."""
    debate_seconds: float
    readers: float
    """Who follow a debate, on average."""
    surge: float = 2.5
    """How much the load is multiplied by for twenty minutes; 1 for none."""

    def rate(self, at: float) -> float:
        """Debates that begin a second, on average, at a time in seconds since midnight."""
        hour = at / 3600
        humps = math.exp(-(((hour - 10) / 2.5) ** 2)) + 0.9 * math.exp(-(((hour - 15) / 3) ** 2))
        share = _NIGHT + (1 - _NIGHT) * min(1.0, humps)
        begins = random.Random(self.seed).uniform(7, 20) * 3600
        if begins <= at < begins + 1200:
            share *= self.surge
        return self.peak_debates / self.debate_seconds * share


def poisson(source: random.Random, mean: float) -> int:
    """How many of something come that is `mean` on average. Normal where that is close enough."""
    if mean <= 0:
        return 0
    if mean > 50:
        return max(0, round(source.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, source.random()
    while product > limit:
        count += 1
        product *= source.random()
    return count
