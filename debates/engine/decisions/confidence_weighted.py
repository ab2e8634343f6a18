"""First choices weighed by the confidence that the voter states."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Count, first_choices, leaders
from debates.engine.types import Ballot, CandidateId, DecisionMode


class ConfidenceWeighted:
    """A larger sum of confidences than any other."""

    mode = DecisionMode.CONFIDENCE_WEIGHTED
    demand = "a larger sum of stated confidences than any other"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        backers = first_choices(ballots, candidates)
        stated = {ballot.voter: min(1.0, max(0.0, ballot.confidence)) for ballot in ballots}
        # fsum rounds once, so the order of adding does not matter.
        tally = {
            candidate: math.fsum(stated[voter] for voter in voters)
            for candidate, voters in backers.items()
        }
        ahead = leaders(tally)
        return Count(tally, ahead, len(ahead) == 1, backers)
