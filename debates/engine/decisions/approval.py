"""Approval voting: a voter may accept several candidates.

Source: S. Brams and P. Fishburn, Approval Voting (American Political Science Review, 1978).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Count, heads, leaders
from debates.engine.types import Ballot, CandidateId, DecisionMode


class Approval:
    """More approvals than any other."""

    mode = DecisionMode.APPROVAL
    demand = "more approvals than any other"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        backers = {
            candidate: frozenset(ballot.voter for ballot in ballots if candidate in ballot.approved)
            for candidate in candidates
        }
        tally = heads(backers)
        ahead = leaders(tally)
        return Count(tally, ahead, len(ahead) == 1, backers)
