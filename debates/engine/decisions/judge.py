"""The judge's decision: one selection for each order in which the candidates were shown.

A judge that changes its mind with the order has shown a preference for a place, not for an answer
(Zheng 2023, arXiv 2306.05685): that is a tie.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Count, first_choices, heads, leaders
from debates.engine.types import Ballot, CandidateId, DecisionMode


class Judge:
    """The same selection in both orders. The ballots are the judge's two, not the panel's."""

    mode = DecisionMode.JUDGE
    demand = "the judge's selection in both orders"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        backers = first_choices(ballots, candidates)
        tally = heads(backers)
        ahead = leaders(tally)
        return Count(tally, ahead, len(ballots) == 2 and len(ahead) == 1, backers)
