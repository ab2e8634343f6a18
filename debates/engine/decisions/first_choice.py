"""The rules that count first choices and differ in how many they ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from debates.engine.decisions.base import Count, first_choices, heads, leaders
from debates.engine.types import Ballot, CandidateId, DecisionMode


class Plurality:
    """More first choices than any other."""

    mode = DecisionMode.PLURALITY
    demand = "more first choices than any other"

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        backers = first_choices(ballots, candidates)
        tally = heads(backers)
        ahead = leaders(tally)
        met = len(ahead) == 1 and self._suffices(len(backers[ahead[0]]), len(ballots))
        return Count(tally, ahead, met, backers)

    def _suffices(self, first: int, voters: int) -> bool:
        """Whether `first` choices of `voters` are enough for the only leader."""
        return True


class Majority(Plurality):
    mode = DecisionMode.MAJORITY
    demand = "more than half of the first choices"

    def _suffices(self, first: int, voters: int) -> bool:
        return 2 * first > voters


class Supermajority(Plurality):
    mode = DecisionMode.SUPERMAJORITY
    demand = "at least two thirds of the first choices"

    def _suffices(self, first: int, voters: int) -> bool:
        return 3 * first >= 2 * voters


class Unanimity(Plurality):
    mode = DecisionMode.UNANIMITY
    demand = "every first choice"

    def _suffices(self, first: int, voters: int) -> bool:
        return first == voters
