"""How well confidence foretold what turned out to be true."""

from __future__ import annotations

from collections import defaultdict
from typing import TypedDict
from uuid import UUID

from django.db.models import QuerySet

from debates.choices import Visibility
from debates.engine.positions import candidate_id
from debates.models import Ballot, Debate, Outcome, Verdict
from debates.models.rating import OVERALL
from debates.selectors.finding import independent

BINS = 10


class Bin(TypedDict):
    """Forecasts of about the same confidence."""

    low: float
    high: float
    count: int
    mean_confidence: float
    share_right: float


class Calibration(TypedDict):
    """Over the debates whose outcomes were recorded."""

    count: int
    brier: float | None
    """Mean squared error of the confidence (Brier 1950): 0 is perfect, 0.25 is a coin."""
    bins: list[Bin]


def calibration_of_decisions(*, visible: QuerySet[Debate]) -> Calibration:
    """Of the decisions of the debates that somebody may see."""
    found = Outcome.objects.filter(debate__in=independent(visible)).values_list(
        "confidence", "came_true"
    )
    return _calibration([(confidence, right) for confidence, right in found])


def calibration_of_agent(*, visible: QuerySet[Debate], agent: str) -> Calibration:
    """Of an agent's ballots for decisions whose outcome was recorded. What another answer would
    have come to nobody knows, so ballots for others are no forecasts."""
    return _calibration(_forecasts(visible, voter=agent)[agent])


def brier_of_agents(*, domain: str = OVERALL) -> dict[str, float]:
    """The error of each agent's confidence, as in its calibration, over the debates that everybody
    may see; agents without forecasts there are left out."""
    public = Debate.objects.filter(visibility=Visibility.PUBLIC)
    if domain != OVERALL:
        public = public.filter(domain=domain)
    return {
        agent: brier
        for agent, forecasts in _forecasts(public).items()
        if (brier := _calibration(forecasts)["brier"]) is not None
    }


def _forecasts(
    visible: QuerySet[Debate], **conditions: str
) -> defaultdict[str, list[tuple[float, bool]]]:
    """By voter: the confidence of ballots for decisions, and whether those proved right."""
    visible = independent(visible)
    ballots = Ballot.objects.filter(
        debate__in=visible, debate__outcome__isnull=False, **conditions
    ).values_list("voter", "debate_id", "ranking", "confidence", "debate__outcome__came_true")
    winners = _winning_candidates(visible)
    found: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for voter, debate_id, ranking, confidence, right in ballots:
        if ranking and ranking[0] == winners.get(debate_id):
            found[voter].append((confidence, right))
    return found


def _winning_candidates(visible: QuerySet[Debate]) -> dict[UUID, str]:
    rows = Verdict.objects.filter(debate__in=visible, debate__outcome__isnull=False, reached=True)
    return {
        debate_id: candidate_id(answer or "")
        for debate_id, answer in rows.values_list("debate_id", "answer")
    }


def _calibration(forecasts: list[tuple[float, bool]]) -> Calibration:
    parts: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, right in forecasts:
        parts[min(int(confidence * BINS), BINS - 1)].append((confidence, right))
    count = len(forecasts)
    error = sum((confidence - right) ** 2 for confidence, right in forecasts)
    return Calibration(
        count=count,
        brier=round(error / count, 4) if count else None,
        bins=[
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                count=len(part),
                mean_confidence=round(sum(confidence for confidence, _ in part) / len(part), 4),
                share_right=round(sum(right for _, right in part) / len(part), 4),
            )
            for number, part in sorted(parts.items())
        ],
    )
