"""Batch Bradley-Terry strengths with bootstrap intervals. Pure: no Django.

The order of debates does not matter to them, as it does to Elo, and they say how sure they are. An
agent's strength is fitted to all debates at once by minorisation-maximisation (Hunter, "MM
algorithms for generalized Bradley-Terry models", 2004). Every winner of a debate beat everybody who
did not win, each such game with the weight 1/(n-1) in a debate of n. Two who both won, or both did
not, were not compared: by Luce's axiom of choice, who of two is preferred among many tells the same
as between the two alone, and counting these as draws would draw all strengths together. Each agent
also drew `PRIOR` games with an average one, so that somebody who has never lost has a strength,
too. The interval is the middle 95 % of the strengths in resamples of whole debates: games of one
debate are not independent.

The same debates give the same figures, bit for bit: the randomness is seeded, and sums are taken in
a fixed order, element by element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from debates.ranking.elo import INITIAL_RATING, SCALE

PRIOR = 1.0
RESAMPLES = 200
AT_ONCE = 25
"""Resamples that are fitted together; bounds the memory."""
SEED = 20_040_212
LOW, HIGH = 0.025, 0.975
PRECISE = 1e-8
MAX_STEPS = 2000
MIN_GAMES = 10
"""With fewer debates an agent counts for the others and is told no strength itself."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A debate: who took part, and who of them won."""

    agents: tuple[str, ...]
    winners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Strength:
    """On the scale of Elo: 1500 is the average, 400 points are odds of ten to one."""

    value: float
    low: float
    high: float
    games: int


def fit(
    debates: Sequence[Outcome], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Strength]:
    """The strength of every agent in these debates, in the order of names."""
    names = sorted({agent for debate in debates for agent in debate.agents})
    if not names:
        return {}
    games = _Games(debates, {name: place for place, name in enumerate(names)})
    once = np.ones((1, len(debates)))
    values = _points(games.fit(once))[:, 0]
    drawn = _resampled(len(debates), resamples, seed)
    parts = [drawn[start : start + AT_ONCE] for start in range(0, resamples, AT_ONCE)]
    spread = np.sort(np.concatenate([_points(games.fit(part)) for part in parts], axis=1), axis=1)
    low, high = (spread[:, round(share * (resamples - 1))] for share in (LOW, HIGH))
    played = [sum(name in debate.agents for debate in debates) for name in names]
    return {
        # The fit is one of the samples in spirit: the interval never leaves it out.
        name: Strength(value, min(value, lowest), max(value, highest), count)
        for name, value, lowest, highest, count in zip(
            names, values.tolist(), low.tolist(), high.tolist(), played, strict=True
        )
    }


class _Games:
    """The games of all debates, pair by pair."""

    def __init__(self, debates: Sequence[Outcome], place_of: dict[str, int]) -> None:
        self._count = len(place_of)
        rows = [
            (number, place_of[winner], place_of[loser], 1.0 / (len(debate.agents) - 1))
            for number, debate in enumerate(debates)
            for winner in sorted(debate.winners)
            for loser in debate.agents
            if loser not in debate.winners
        ]
        columns = list(zip(*rows, strict=True)) or [()] * 4
        self._debate, self._winner, self._loser = (
            np.array(column, dtype=np.intp) for column in columns[:3]
        )
        self._weight = np.array(columns[3], dtype=float)

    def fit(self, copies: Numbers) -> Numbers:
        """Strengths, one column for each row of `copies`: how often each debate counts."""
        played = np.stack([self._played(row) for row in copies], axis=2)
        scored = np.stack([self._scored(row) for row in copies], axis=1) + PRIOR / 2
        strengths = np.ones_like(scored)
        for _ in range(MAX_STEPS):
            # Sums over the first axis add row by row, whatever the processor.
            shares = (played / (strengths[:, None, :] + strengths[None, :, :])).sum(axis=0)
            updated = scored / (shares + PRIOR / (strengths + 1.0))
            moved = np.abs(updated / strengths - 1.0).max()
            strengths = updated
            if moved < PRECISE:
                break
        return strengths

    def _played(self, copies: Numbers) -> Numbers:
        """Games of each pair."""
        pair = self._winner * self._count + self._loser
        weights = self._weight * copies[self._debate]
        counted = np.bincount(pair, weights=weights, minlength=self._count**2)
        won = counted.reshape(self._count, self._count).astype(np.float64)
        return won + won.T

    def _scored(self, copies: Numbers) -> Numbers:
        weights = self._weight * copies[self._debate]
        counted = np.bincount(self._winner, weights=weights, minlength=self._count)
        return counted.astype(np.float64)


def _resampled(debates: int, resamples: int, seed: int) -> Numbers:
    """How often each debate was drawn, a resample a row."""
    random = np.random.default_rng(seed)
    drawn = [
        np.bincount(random.integers(debates, size=debates), minlength=debates)
        for _ in range(resamples)
    ]
    return np.stack(drawn).astype(float)


def _points(strengths: Numbers) -> Numbers:
    """Strengths as points, about an average of 1500 in every column. Logarithms are the C
    library's, one by one: vectorised ones differ between processors."""
    logs = [[math.log10(value) for value in row] for row in strengths.tolist()]
    centres = [math.fsum(column) / len(logs) for column in zip(*logs, strict=True)]
    return np.array(
        [
            [
                round(INITIAL_RATING + SCALE * (value - centre), 4)
                for value, centre in zip(row, centres, strict=True)
            ]
            for row in logs
        ]
    )
