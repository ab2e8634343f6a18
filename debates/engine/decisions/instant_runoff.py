"""Instant runoff: the weakest leave until one has more than half of the ballots still in play.

Candidates that are level at the bottom leave together, unless they are all that is left: that is
a tie. No lot is drawn, so the result does not depend on chance or order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Backers, Count, heads
from debates.engine.types import Ballot, CandidateId, DecisionMode


class InstantRunoff:
    """A majority of the ballots in play after the runoff. The tally and the backers are those of
    the last count."""

    mode = DecisionMode.INSTANT_RUNOFF
    demand = "more than half of the ballots still in play after the runoff"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        standing = frozenset(candidates)
        while True:
            backers = _best_standing(ballots, candidates, standing)
            tally = heads(backers)
            points = {candidate: tally[candidate] for candidate in standing}
            most, least = max(points.values(), default=0.0), min(points.values(), default=0.0)
            ahead = tuple(sorted(one for one in standing if points[one] == most > 0.0))
            if most * 2 > sum(points.values()):
                return Count(tally, ahead, True, backers)
            if most == least:
                return Count(tally, ahead, False, backers)
            standing = frozenset(one for one in standing if points[one] > least)


def _best_standing(
    ballots: Sequence[Ballot],
    candidates: Collection[CandidateId],
    standing: frozenset[CandidateId],
) -> Backers:
    backers: dict[CandidateId, list[str]] = {candidate: [] for candidate in candidates}
    for ballot in ballots:
        best = next((one for one in ballot.ranking if one in standing), None)
        if best is not None:
            backers[best].append(ballot.voter)
    return {candidate: frozenset(voters) for candidate, voters in backers.items()}
