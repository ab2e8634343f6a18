"""What a decision rule is: a pure function over ballots and candidates.

The order of ballots and candidates never matters. A rule sees only valid ballots (`valid`): those
that name at least one of the candidates; an empty ballot abstains and is no voter.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from debates.engine.types import Ballot, CandidateId, DecisionMode

Backers = Mapping[CandidateId, frozenset[str]]
"""The voters behind each candidate, as a rule sees it; every candidate has an entry."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a rule makes of the ballots."""

    tally: Mapping[CandidateId, float]
    """Points under the rule, of every candidate."""
    leaders: tuple[CandidateId, ...]
    """Those with the most points, in the order of their ids; more than one is a tie. Empty when
    nobody has any."""
    met: bool
    """Whether the rule is met. Never with other than one leader."""
    backers: Backers


class Rule(Protocol):
    """One way to decide."""

    mode: DecisionMode
    demand: str
    """What an answer needs in order to win, to follow "needs"."""

    def count(self, ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Count:
        """Count valid ballots."""
        ...


def valid(ballots: Collection[Ballot], candidates: Collection[CandidateId]) -> tuple[Ballot, ...]:
    """The ballots that count, in the order of their voters: what they say of candidates that do
    not stand is left out, and so are those that then say nothing."""
    kept = []
    for ballot in sorted(ballots, key=_voter):
        known = ballot.approved.union(ballot.ranking) <= frozenset(candidates)
        if not known:
            ballot = Ballot(  # noqa: PLW2901
                voter=ballot.voter,
                ranking=tuple(one for one in ballot.ranking if one in candidates),
                approved=ballot.approved.intersection(candidates),
                confidence=ballot.confidence,
                reason=ballot.reason,
            )
        if ballot.ranking or ballot.approved:
            kept.append(ballot)
    return tuple(kept)


def _voter(ballot: Ballot) -> str:
    return ballot.voter


def first_choices(ballots: Sequence[Ballot], candidates: Collection[CandidateId]) -> Backers:
    """Who put each candidate first."""
    backers: dict[CandidateId, list[str]] = {candidate: [] for candidate in candidates}
    for ballot in ballots:
        if ballot.ranking:
            backers[ballot.ranking[0]].append(ballot.voter)
    return {candidate: frozenset(voters) for candidate, voters in backers.items()}


def heads(backers: Backers) -> dict[CandidateId, float]:
    """The tally of a rule under which every voter has one point."""
    return {candidate: float(len(voters)) for candidate, voters in backers.items()}


def leaders(tally: Mapping[CandidateId, float]) -> tuple[CandidateId, ...]:
    """The candidates with the most points. Points closer than rounding errors are equal."""
    most = max(tally.values(), default=0.0)
    if most <= 0.0:
        return ()
    return tuple(
        sorted(
            candidate
            for candidate, points in tally.items()
            if math.isclose(points, most, rel_tol=1e-9, abs_tol=1e-9)
        )
    )
