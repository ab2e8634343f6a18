"""No decision: the debate is held for its arguments alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Count, first_choices, heads, leaders
from debates.engine.types import Ballot, CandidateId, DecisionMode


class NoDecision:
    """Never met; the tally tells how the first choices lie."""

    mode = DecisionMode.NONE
    demand = "nothing: no decision was asked for"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        backers = first_choices(ballots, candidates)
        tally = heads(backers)
        return Count(tally, leaders(tally), False, backers)
