"""A debate as clients see it, whole or in short."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from debates.choices import DebateStatus
from debates.models import Debate, Round, Verdict
from debates.services.panels import prices_known
from debates.streaming.envelope import timestamp
from debates.streaming.events import AgentCard


class ProtocolObject(TypedDict):
    name: str
    rounds: int
    decision: str
    consensus: str
    """The same as `decision`, under the word that clients use."""
    seed: int
    budget_usd: float | None
    budget_tokens: int | None
    deadline_seconds: int | None


class RoundObject(TypedDict):
    round_number: int
    """0 holds the blind drafts."""
    started_at: str
    ended_at: str | None
    agreement: float | None
    stability: float | None


class DissentObject(TypedDict):
    agent: str
    answer: str
    rationale: str


class ConsensusObject(TypedDict):
    """The outcome; before there is one, nothing is reached and the figures are null."""

    reached: bool
    agreement: float | None
    confidence: float | None
    final_answer: str | None
    conclusion: str
    """The answer, or why there is none, in one or two sentences."""
    explanation: str
    supporting_agents: list[str]
    dissenting_agents: list[str]
    method: str
    hollow: bool


class UsageObject(TypedDict):
    tokens: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    """What is known of it."""
    cost_known: bool
    """False: somebody who may be asked has no price, so that the cost may be higher."""


class DebateObject(TypedDict):
    """Everything about a debate but its transcript."""

    id: str
    debate_id: str
    slug: str
    task: str
    title: str
    status: str
    agents: list[str]
    panel: list[AgentCard]
    judge: AgentCard | None
    protocol: ProtocolObject
    rounds: list[RoundObject]
    """Those that have begun."""
    total_rounds: int
    rounds_used: int
    phase: str
    in_progress: bool
    created_at: str
    started_at: str | None
    completed_at: str | None
    duration_seconds: float
    """Time spent running, without queueing and pauses."""
    consensus: ConsensusObject
    consensus_reached: bool
    confidence: float | None
    final_answer: str | None
    winner: str | None
    """Author of the winning answer, the first by name where several had it."""
    winners: list[str]
    stop_reason: str
    failure: str
    dissenting_views: list[DissentObject]
    usage: UsageObject
    tags: list[str]
    domain: str
    metadata: dict[str, Any]
    visibility: str
    origin: str
    """What it is to the debate that it was made from, if it was: a clone, a fork, a follow-up."""
    branch_point: int | None
    """Of a fork: the last round that is its parent's."""
    archived_at: str | None
    """When it was put away; null for a debate that is in the lists."""


class DebateSummary(TypedDict):
    """A debate in a list."""

    id: str
    debate_id: str
    slug: str
    task: str
    title: str
    status: str
    agents: list[str]
    total_rounds: int
    rounds_used: int
    created_at: str
    completed_at: str | None
    consensus_reached: bool
    confidence: float | None
    final_answer: str | None
    tags: list[str]
    visibility: str


IN_PROGRESS = frozenset({DebateStatus.PENDING, DebateStatus.RUNNING, DebateStatus.PAUSED})


def debate_object(debate: Debate) -> DebateObject:
    """The debate as clients see it. No query for a debate that came from `get_debate` or
    `list_debates`; at most two for any other."""
    verdict = verdict_of(debate)
    consensus = _consensus(debate, verdict)
    return DebateObject(
        id=str(debate.pk),
        debate_id=str(debate.pk),
        slug=debate.slug,
        task=debate.question,
        title=debate.title,
        status=debate.status,
        agents=agent_names(debate),
        panel=[agent_card(spec) for spec in debate.panel],
        judge=agent_card(debate.judge) if debate.judge else None,
        protocol=_protocol(debate),
        rounds=[
            RoundObject(
                round_number=row.number,
                started_at=timestamp(row.started_at),
                ended_at=_moment(row.ended_at),
                agreement=row.agreement,
                stability=row.stability,
            )
            for row in _rounds_of(debate)
        ],
        total_rounds=debate.rounds,
        rounds_used=debate.round,
        phase=debate.phase,
        in_progress=debate.status in IN_PROGRESS,
        created_at=timestamp(debate.created_at),
        started_at=_moment(debate.started_at),
        completed_at=_moment(debate.completed_at),
        # As `debate_end` tells it.
        duration_seconds=round(debate.active_seconds, 3),
        consensus=consensus,
        consensus_reached=consensus["reached"],
        confidence=consensus["confidence"],
        final_answer=consensus["final_answer"],
        winner=min(verdict.winners, default=None) if verdict else None,
        winners=list(verdict.winners) if verdict else [],
        stop_reason=debate.stop_reason,
        failure=debate.failure,
        dissenting_views=_dissent(verdict),
        usage=UsageObject(
            tokens=debate.input_tokens + debate.output_tokens,
            input_tokens=debate.input_tokens,
            output_tokens=debate.output_tokens,
            cost_usd=float(debate.cost_usd),
            cost_known=prices_known(debate),
        ),
        tags=debate.tags,
        domain=debate.domain,
        metadata=debate.metadata,
        visibility=debate.visibility,
        origin=debate.origin,
        branch_point=debate.branch_point,
        archived_at=_moment(debate.archived_at),
    )


def debate_summaries(debates: Iterable[Debate]) -> list[DebateSummary]:
    """Debates in short. No query for debates that came from `list_debates`."""
    return [_summary(debate, verdict_of(debate)) for debate in debates]


def verdict_of(debate: Debate) -> Verdict | None:
    """The debate's verdict, where it has one."""
    return getattr(debate, "verdict", None)


def _rounds_of(debate: Debate) -> list[Round]:
    """From `with_outcome` where the debate came from there."""
    at_hand: list[Round] | None = getattr(debate, "rounds_begun", None)
    return list(debate.round_set.all()) if at_hand is None else at_hand


def agent_names(debate: Debate) -> list[str]:
    """The panel, in the order of names."""
    return [spec["name"] for spec in debate.panel]


def has_language_model(panel: Iterable[Mapping[str, Any]]) -> bool:
    """Whether anybody on the panel is a language model, and not an extractive agent."""
    return any(spec["is_language_model"] for spec in panel)


def without_language_models(debate_ids: Collection[UUID]) -> set[UUID]:
    """The debates among these that extractive agents held alone. One query."""
    panels = Debate.objects.filter(pk__in=debate_ids).values_list("pk", "panel")
    return {key for key, panel in panels if not has_language_model(panel)}


def agent_card(spec: Mapping[str, Any]) -> AgentCard:
    """What everybody may know of a snapshot: no address, no persona, no name of a key."""
    return AgentCard(
        name=spec["name"],
        provider=spec["provider"],
        model=spec["model"],
        family=spec["family"],
        is_language_model=spec["is_language_model"],
    )


def _summary(debate: Debate, verdict: Verdict | None) -> DebateSummary:
    return DebateSummary(
        id=str(debate.pk),
        debate_id=str(debate.pk),
        slug=debate.slug,
        task=debate.question,
        title=debate.title,
        status=debate.status,
        agents=agent_names(debate),
        total_rounds=debate.rounds,
        rounds_used=debate.round,
        created_at=timestamp(debate.created_at),
        completed_at=_moment(debate.completed_at),
        consensus_reached=bool(verdict and verdict.reached),
        confidence=verdict.confidence if verdict else None,
        final_answer=verdict.answer if verdict else None,
        tags=debate.tags,
        visibility=debate.visibility,
    )


def _protocol(debate: Debate) -> ProtocolObject:
    return ProtocolObject(
        name=debate.protocol,
        rounds=debate.rounds,
        decision=debate.decision,
        consensus=debate.decision,
        seed=debate.seed,
        budget_usd=None if debate.budget_usd is None else float(debate.budget_usd),
        budget_tokens=debate.budget_tokens,
        deadline_seconds=debate.deadline_seconds,
    )


def _consensus(debate: Debate, verdict: Verdict | None) -> ConsensusObject:
    if verdict is None:
        return ConsensusObject(
            reached=False,
            agreement=None,
            confidence=None,
            final_answer=None,
            conclusion=debate.failure,
            explanation=debate.failure,
            supporting_agents=[],
            dissenting_agents=[],
            method=debate.decision,
            hollow=False,
        )
    return ConsensusObject(
        reached=verdict.reached,
        agreement=verdict.agreement,
        confidence=verdict.confidence,
        final_answer=verdict.answer,
        conclusion=verdict.answer or verdict.explanation,
        explanation=verdict.explanation,
        supporting_agents=list(verdict.detail["supporting"]),
        dissenting_agents=[view["agent"] for view in verdict.detail["dissenting"]],
        method=verdict.method,
        hollow=verdict.hollow,
    )


def _dissent(verdict: Verdict | None) -> list[DissentObject]:
    if verdict is None:
        return []
    return [
        DissentObject(agent=view["agent"], answer=view["answer"], rationale=view["rationale"])
        for view in verdict.detail["dissenting"]
    ]


def _moment(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None
