"""What debates have come to, over all of them: similar questions, settled ones, dissent, topics."""

from django.db.models import Avg, Count, Q
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ERRORS, READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.paging import MAX_LIMIT
from debates.exceptions import NotFound
from debates.models import Debate, Verdict
from debates.selectors.calibration import (
    Calibration,
    calibration_of_agent,
    calibration_of_decisions,
)
from debates.selectors.finding import debates_visible_to, independent
from debates.selectors.objects import has_language_model
from debates.selectors.similar import similar_debates
from debates.selectors.topics import trending_topics
from debates.services.outcomes import record_outcome
from debates.streaming.envelope import timestamp

router = Router(tags=["consensus"])


class SimilarIn(BaseModel):
    topic: str = Field(max_length=2000, description="A question, or what it is about.")
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)


class SettledIn(BaseModel):
    min_confidence: float = Field(default=0.8, ge=0.0, le=1.0)
    limit: int = Field(default=20, ge=1, le=MAX_LIMIT)


class DissentsIn(BaseModel):
    topic: str = Field(default="", max_length=2000)
    domain: str = Field(default="", max_length=64)
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)


class StatsIn(BaseModel):
    domain: str = Field(default="", max_length=64)


class LimitIn(BaseModel):
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)


class DecidedDebateOut(BaseModel):
    """A debate that is over, and what it came to."""

    debate_id: str
    slug: str
    topic: str = Field(description="The question.")
    conclusion: str | None
    confidence: float
    agreement: float
    consensus_reached: bool
    similarity: float | None = Field(description="Of the questions; null where none was given.")
    completed_at: str | None
    by_language_models: bool = Field(
        description="Whether any sat on its panel; without one it was held by extractive agents."
    )


class SimilarOut(BaseModel):
    query: str
    similar: list[DecidedDebateOut]
    items: list[DecidedDebateOut] = Field(description="The same as `similar`.")
    count: int


class SettledOut(BaseModel):
    min_confidence: float
    topics: list[DecidedDebateOut]
    items: list[DecidedDebateOut] = Field(description="The same as `topics`.")
    count: int


class DissentOut(BaseModel):
    debate_id: str
    slug: str
    topic: str
    agent: str
    dissent: str
    rationale: str
    confidence: float = Field(description="What the decision was held for.")


class DissentsOut(BaseModel):
    dissents: list[DissentOut]
    items: list[DissentOut] = Field(description="The same as `dissents`.")
    count: int


class BinOut(BaseModel):
    low: float
    high: float
    count: int
    mean_confidence: float
    share_right: float


class CalibrationOut(BaseModel):
    """How well confidence foretold what people recorded as true."""

    count: int
    brier: float | None = Field(description="0 is perfect, 0.25 a coin; null without outcomes.")
    bins: list[BinOut]


class ConsensusStatsOut(BaseModel):
    total_debates: int
    total_topics: int = Field(description="The same as `total_debates`.")
    reached: int
    consensus_rate: float | None
    average_confidence: float | None
    hollow: int
    with_dissent: int
    calibration: CalibrationOut


class TopicOut(BaseModel):
    topic: str
    score: float = Field(description="Its debates, each counted less the older it is.")
    count: int
    debates: list[str] = Field(description="Ids, the newest first.")


class TrendingDebateOut(BaseModel):
    id: str
    debate_id: str
    slug: str
    task: str
    status: str
    topic: str
    created_at: str


class TrendingOut(BaseModel):
    topics: list[TopicOut]
    debates: list[TrendingDebateOut]
    items: list[TrendingDebateOut] = Field(description="The same as `debates`.")
    count: int


class OutcomeIn(BaseModel):
    """What turned out to be true."""

    came_true: bool = Field(description="Whether the decision proved right.")
    note: str = Field(default="", description="What happened.")


class OutcomeOut(BaseModel):
    success: bool = True
    debate_id: str
    came_true: bool
    note: str
    confidence: float
    surprise: float = Field(description="The probability that was given to what did not happen.")
    recorded_at: str


@endpoint(router, "GET", "/v1/consensus/similar", answer=SimilarOut, errors=READ_ERRORS)
def find_similar_debates(request: ApiRequest, asked: Query[SimilarIn]) -> SimilarOut:
    """The debates that asked nearly the same, nearest first."""
    visible = debates_visible_to(request.auth.user)
    found = similar_debates(visible=visible, question=asked.topic, limit=asked.limit)
    rows = [_decided(one.debate, one.similarity) for one in found]
    return SimilarOut(query=asked.topic, similar=rows, items=rows, count=len(rows))


@endpoint(router, "GET", "/v1/consensus/settled", answer=SettledOut, errors=READ_ERRORS)
def list_settled_topics(request: ApiRequest, asked: Query[SettledIn]) -> SettledOut:
    """The questions that were decided with at least this confidence, the newest first."""
    decided = independent(debates_visible_to(request.auth.user)).filter(
        verdict__reached=True, verdict__confidence__gte=asked.min_confidence
    )
    newest = decided.select_related("verdict").order_by("-completed_at", "-pk")
    rows = [_decided(debate, None) for debate in newest[: asked.limit]]
    return SettledOut(min_confidence=asked.min_confidence, topics=rows, items=rows, count=len(rows))


@endpoint(router, "GET", "/v1/consensus/dissents", answer=DissentsOut, errors=READ_ERRORS)
def list_dissents(request: ApiRequest, asked: Query[DissentsIn]) -> DissentsOut:
    """The views that did not prevail, the newest first, or the closest to a topic."""
    visible = independent(debates_visible_to(request.auth.user)).filter(verdict__isnull=False)
    if asked.domain:
        visible = visible.filter(domain=asked.domain)
    if asked.topic.strip():
        found = similar_debates(visible=visible, question=asked.topic, limit=asked.limit)
        debates = [one.debate for one in found]
    else:
        newest = visible.select_related("verdict").order_by("-completed_at", "-pk")
        debates = list(newest[: 3 * asked.limit])
    rows = [
        DissentOut(
            debate_id=str(debate.pk),
            slug=debate.slug,
            topic=debate.question,
            agent=view["agent"],
            dissent=view["answer"],
            rationale=view["rationale"],
            confidence=debate.verdict.confidence,
        )
        for debate in debates
        for view in debate.verdict.detail["dissenting"]
    ][: asked.limit]
    return DissentsOut(dissents=rows, items=rows, count=len(rows))


@endpoint(router, "GET", "/v1/consensus/stats", answer=ConsensusStatsOut, errors=READ_ERRORS)
def get_consensus_stats(request: ApiRequest, asked: Query[StatsIn]) -> ConsensusStatsOut:
    """How often debates come to a decision, and how often it proved right."""
    visible = independent(debates_visible_to(request.auth.user))
    if asked.domain:
        visible = visible.filter(domain=asked.domain)
    figures = Verdict.objects.filter(debate__in=visible).aggregate(
        total=Count("pk"),
        decided=Count("pk", filter=Q(reached=True)),
        sure=Avg("confidence", filter=Q(reached=True)),
        hollowed=Count("pk", filter=Q(hollow=True)),
        dissent=Count("pk", filter=Q(agreement__lt=1.0)),
    )
    total, reached = figures["total"], figures["decided"]
    return ConsensusStatsOut(
        total_debates=total,
        total_topics=total,
        reached=reached,
        consensus_rate=round(reached / total, 4) if total else None,
        average_confidence=figures["sure"],
        hollow=figures["hollowed"],
        with_dissent=figures["dissent"],
        calibration=_calibration(calibration_of_decisions(visible=visible)),
    )


@endpoint(router, "GET", "/v1/debates/trending", answer=TrendingOut, errors=READ_ERRORS)
def list_trending_debates(request: ApiRequest, asked: Query[LimitIn]) -> TrendingOut:
    """What is debated most these days.

    Topics are made anew every five minutes."""
    topics = trending_topics(viewer=request.auth.user, now=timezone.now(), limit=asked.limit)
    label_of = {key: topic.label for topic in topics for key in topic.debate_ids}
    visible = debates_visible_to(request.auth.user).filter(pk__in=list(label_of)[: asked.limit])
    debates = {debate.pk: debate for debate in visible}
    rows = [
        TrendingDebateOut(
            id=str(key),
            debate_id=str(key),
            slug=debates[key].slug,
            task=debates[key].question,
            status=debates[key].status,
            topic=label,
            created_at=timestamp(debates[key].created_at),
        )
        for key, label in label_of.items()
        if key in debates
    ]
    told = [
        TopicOut(
            topic=topic.label,
            score=topic.score,
            count=len(topic.debate_ids),
            debates=[str(key) for key in topic.debate_ids],
        )
        for topic in topics
    ]
    return TrendingOut(topics=told, debates=rows, items=rows, count=len(rows))


@endpoint(router, "POST", "/v1/debates/{ref}/outcome", answer=OutcomeOut, errors=WRITE_ONE_ERRORS)
def record_debate_outcome(request: ApiRequest, ref: str, body: OutcomeIn) -> OutcomeOut:
    """Record whether the decision proved right; again replaces it.

    Memory and calibration learn it."""
    debate = debate_of(request, ref)
    outcome = record_outcome(
        debate_id=debate.pk,
        actor=request.auth.user,
        came_true=body.came_true,
        note=body.note,
        now=timezone.now(),
    )
    return OutcomeOut(
        debate_id=str(debate.pk),
        came_true=outcome.came_true,
        note=outcome.note,
        confidence=outcome.confidence,
        surprise=outcome.surprise,
        recorded_at=timestamp(outcome.recorded_at),
    )


@endpoint(
    router,
    "GET",
    "/v1/agents/{name}/calibration",
    answer=CalibrationOut,
    errors=READ_ONE_ERRORS,
    aliases=["/v1/agent/{name}/calibration"],
)
def get_agent_calibration(request: ApiRequest, name: str) -> CalibrationOut:
    """How well an agent's stated confidence foretold what was recorded as true."""
    from debates.models import Agent

    if "\0" in name or not Agent.objects.filter(name=name).exists():
        raise NotFound(f"There is no agent “{name[:64]}”.")
    visible = debates_visible_to(request.auth.user)
    return _calibration(calibration_of_agent(visible=visible, agent=name))


def _calibration(found: Calibration) -> CalibrationOut:
    return CalibrationOut.model_validate(found)


def _decided(debate: Debate, similarity: float | None) -> DecidedDebateOut:
    verdict = debate.verdict
    return DecidedDebateOut(
        debate_id=str(debate.pk),
        slug=debate.slug,
        topic=debate.question,
        conclusion=verdict.answer,
        confidence=verdict.confidence,
        agreement=verdict.agreement,
        consensus_reached=verdict.reached,
        similarity=similarity,
        completed_at=timestamp(debate.completed_at) if debate.completed_at else None,
        by_language_models=has_language_model(debate.panel),
    )
