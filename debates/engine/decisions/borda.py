"""Borda's count: with m candidates, m - 1 points for a first place, down to none for the last.

The candidates that a ballot leaves out share the places that are left: each has the mean of their
points, so that every ballot gives out the same sum and a short one has no more weight.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Count, first_choices, leaders
from debates.engine.types import Ballot, CandidateId, DecisionMode


class Borda:
    """More points than any other. A voter is behind the candidate put first."""

    mode = DecisionMode.BORDA
    demand = "more Borda points than any other"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        places = len(candidates)
        tally = dict.fromkeys(candidates, 0.0)
        for ballot in ballots:
            if not ballot.ranking:
                continue
            for place, candidate in enumerate(ballot.ranking, start=1):
                tally[candidate] += places - place
            # Halves are exact in floating point, so the order of adding does not matter.
            shared = (places - len(ballot.ranking) - 1) / 2
            for candidate in candidates:
                if candidate not in ballot.ranking:
                    tally[candidate] += shared
        ahead = leaders(tally)
        if places == 1 and any(ballot.ranking for ballot in ballots):
            ahead = tuple(candidates)  # a first place among one is worth no points
        return Count(tally, ahead, len(ahead) == 1, first_choices(ballots, candidates))
