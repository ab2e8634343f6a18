"""What the audience may vote on, and how it stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Avg, Count, Max

from debates.engine.protocols import read
from debates.engine.types import HeardAs, Panelist, Phase, ProtocolName, Setup
from debates.models import AudienceVote, Debate, Suggestion, Turn
from debates.running.records import stored_turn
from debates.streaming.events import AudienceCount, AudienceResult, AudienceTally, AudienceVerdict
from debates.visitors import Person

AUDIENCE = "audience"
"""The key of the `AudienceVerdict` in the detail of a verdict."""
AUDIENCE_WEIGHT = 0.0
"""What the audience's votes weigh in a decision: they are shown beside the panel's, and no more."""

_POSITIONS = (Phase.DRAFT, Phase.EXCHANGE, Phase.PROPOSE, Phase.REVISE)
_INTENSITY_DIGITS = 3


@dataclass(frozen=True, slots=True)
class StandingAnswer:
    """An answer that somebody on the panel stands behind now."""

    candidate: str
    answer: str
    holders: tuple[str, ...]
    """Agents, in the order of their names."""


def standing_answers(debate: Debate) -> tuple[StandingAnswer, ...]:
    """The answers that stand now, oldest first; none before the first draft. One query."""
    rows = Turn.objects.filter(debate=debate, phase__in=_POSITIONS).order_by("index")
    panel = tuple(Panelist(spec["name"], spec["family"]) for spec in debate.panel)
    setup = Setup(debate.question, panel, protocol=ProtocolName(debate.protocol))
    transcript = read(setup, [stored_turn(row) for row in rows])
    now = transcript.answers[-1]
    return tuple(
        StandingAnswer(
            candidate.id,
            candidate.answer,
            tuple(name for name, answer in now.items() if answer == candidate.id),
        )
        for candidate in transcript.candidates()
    )


@dataclass(frozen=True, slots=True)
class AudienceAnswer:
    """An answer, and how the audience thinks of it."""

    candidate: str
    answer: str
    holders: tuple[str, ...]
    """As in `StandingAnswer`; nobody for an answer that was voted for before the panel left it."""
    votes: int
    mean_intensity: float | None
    """None without votes."""


def audience_answers(debate: Debate) -> list[AudienceAnswer]:
    """Everything that can be voted for now, then what only has votes. Two queries."""
    counted = {one.candidate: one for one in _counted(debate.pk)}
    found = []
    for standing in standing_answers(debate):
        one = counted.pop(standing.candidate, None)
        votes, mean = (one.votes, one.mean_intensity) if one else (0, None)
        found.append(
            AudienceAnswer(standing.candidate, standing.answer, standing.holders, votes, mean)
        )
    return found + [
        AudienceAnswer(one.candidate, one.answer, (), one.votes, one.mean_intensity)
        for one in counted.values()
    ]


def suggestions_of(debate: Debate) -> list[Suggestion]:
    """What the audience suggested, in order."""
    kind = HeardAs.SUGGESTION.value
    return list(Suggestion.objects.filter(debate=debate, kind=kind).order_by("number"))


def interventions_of(debate: Debate) -> list[Suggestion]:
    """What those said who steer the debate, in order."""
    said = Suggestion.objects.filter(debate=debate).exclude(kind=HeardAs.SUGGESTION.value)
    return list(said.order_by("number"))


def audience_tally(debate_id: UUID) -> AudienceTally:
    """The votes as they are now, by candidate, the most first. One query."""
    counted = _counted(debate_id)
    return AudienceTally(
        voters=sum(one.votes for one in counted),
        candidates=[
            AudienceCount(
                candidate=one.candidate, votes=one.votes, mean_intensity=one.mean_intensity
            )
            for one in counted
        ],
    )


def audience_verdict(debate_id: UUID, *, standing: Collection[str]) -> AudienceVerdict | None:
    """What the audience says at the decision; None when nobody voted. One query.

    `standing` are the candidates of the verdict; a vote for another answer was cast before the
    panel left it."""
    counted = _counted(debate_id)
    if not counted:
        return None
    return AudienceVerdict(
        weight=AUDIENCE_WEIGHT,
        voters=sum(one.votes for one in counted),
        candidates=[
            AudienceResult(
                candidate=one.candidate,
                answer=one.answer,
                votes=one.votes,
                mean_intensity=one.mean_intensity,
                stands=one.candidate in standing,
            )
            for one in counted
        ],
    )


def vote_of(*, debate: Debate, person: Person) -> AudienceVote | None:
    """The person's vote, if there is one."""
    return AudienceVote.objects.filter(debate=debate, person=person.key).first()


@dataclass(frozen=True, slots=True)
class _Counted:
    candidate: str
    answer: str
    votes: int
    mean_intensity: float


def _counted(debate_id: UUID) -> list[_Counted]:
    rows = (
        AudienceVote.objects.filter(debate=debate_id)
        .order_by()
        .values_list("candidate")
        # An answer may have been put in several ways; any will do.
        .annotate(Max("answer"), Count("id"), Avg("intensity"))
    )
    counted = [
        _Counted(candidate, answer, votes, round(float(mean), _INTENSITY_DIGITS))
        for candidate, answer, votes, mean in rows
    ]
    return sorted(counted, key=lambda one: (-one.votes, one.candidate))
