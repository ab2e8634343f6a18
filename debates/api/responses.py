"""What the API answers, as schemas: the outward form of what services and selectors give.

Moments are ISO 8601 in UTC, shares and confidences lie between 0 and 1, money is US dollars.
These are Pydantic's own models: django-ninja's look into objects, which answers do without.
"""

from itertools import chain
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from debates.api.paging import PageOut
from debates.models import Debate

UNKNOWN_COST = "null where somebody on the panel has no known price."


class CreatedOut(BaseModel):
    """A debate that was stored and, unless told otherwise, queued."""

    success: bool = True
    debate_id: str
    id: str = Field(description="The same as `debate_id`.")
    slug: str
    status: str
    task: str
    agents: list[str]
    rounds: int
    created_at: str
    queue_position: int | None = Field(description="1 for the next to run; null when not queued.")
    estimated_wait_seconds: int | None = Field(
        description="About how long it waits; null when not queued, or when nobody can tell yet."
    )
    events_url: str
    ws_url: str
    websocket_url: str = Field(description="The same as `ws_url`.")
    warnings: list[str] = Field(default=[], description="Fields of the body that were ignored.")


class ChangedOut(BaseModel):
    """What became of a debate."""

    success: bool = True
    debate_id: str
    status: str
    message: str


class AgentCardOut(BaseModel):
    """An agent as it was when the panel was chosen."""

    name: str
    provider: str
    model: str
    family: str
    is_language_model: bool


class ProtocolOut(BaseModel):
    name: str
    rounds: int
    decision: str
    consensus: str = Field(description="The same as `decision`.")
    seed: int
    budget_usd: float | None
    budget_tokens: int | None
    deadline_seconds: int | None


class RoundFiguresOut(BaseModel):
    """A round and its two figures, which are never mixed."""

    round_number: int = Field(description="0 holds the blind drafts.")
    started_at: str
    ended_at: str | None
    agreement: float | None = Field(description="Share of agents on the most common answer.")
    stability: float | None = Field(description="Share of agents who kept their own answer.")


class DissentOut(BaseModel):
    agent: str
    answer: str
    rationale: str


class ConsensusOut(BaseModel):
    """The decision. Before there is one nothing is reached, and the figures are null."""

    reached: bool
    agreement: float | None
    confidence: float | None
    final_answer: str | None
    conclusion: str = Field(description="The answer, or why there is none.")
    explanation: str = Field(description="The rule and the count.")
    supporting_agents: list[str]
    dissenting_agents: list[str]
    method: str = Field(description="The rule that was applied.")
    hollow: bool = Field(description="A majority of unreasoned flips was set aside.")


class UsageOut(BaseModel):
    tokens: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = Field(description=UNKNOWN_COST)
    cost_known: bool = True

    @model_validator(mode="after")
    def _unknown_is_not_free(self) -> Self:
        if not self.cost_known:
            self.cost_usd = None
        return self


class DebateOut(BaseModel):
    """Everything about a debate but its transcript."""

    id: str
    debate_id: str
    slug: str
    task: str
    title: str
    status: str
    agents: list[str]
    panel: list[AgentCardOut]
    judge: AgentCardOut | None
    protocol: ProtocolOut
    rounds: list[RoundFiguresOut] = Field(description="Those that have begun.")
    total_rounds: int
    rounds_used: int
    phase: str
    in_progress: bool
    created_at: str
    started_at: str | None
    completed_at: str | None
    duration_seconds: float = Field(description="Time spent running.")
    consensus: ConsensusOut
    consensus_reached: bool
    confidence: float | None
    final_answer: str | None
    winner: str | None = Field(description="Author of the winning answer.")
    winners: list[str]
    stop_reason: str
    failure: str
    dissenting_views: list[DissentOut]
    usage: UsageOut
    tags: list[str]
    domain: str
    metadata: dict[str, Any]
    visibility: str
    origin: str = Field(
        description="What it is to the debate that it was made from: `clone`, `fork`, `follow_up`; "
        "empty for a debate of its own."
    )
    branch_point: int | None = Field(description="Of a fork: the last round that is its parent's.")
    archived_at: str | None = Field(description="null for a debate that is not archived.")


class DocumentOut(BaseModel):
    number: int
    title: str
    source: str


class ParentOut(BaseModel):
    """The debate that another one was made from."""

    debate_id: str
    slug: str
    task: str
    status: str

    @classmethod
    def of(cls, debate: Debate) -> Self:
        return cls(
            debate_id=str(debate.pk),
            slug=debate.slug,
            task=debate.question,
            status=debate.status,
        )


class DebateDetailOut(DebateOut):
    """A debate as of `seq`: this and the later events of the same `epoch` are the whole truth."""

    context: str
    documents: list[DocumentOut]
    parent: ParentOut | None = Field(
        description="What it was made from; null also where that is gone, or not yours to see."
    )
    queue_position: int | None = Field(description="1 for the next to run; null when not queued.")
    estimated_wait_seconds: int | None = Field(
        description="About how long it waits; null when not queued, or when nobody can tell yet."
    )
    seq: int
    epoch: str


class QueueStatusOut(BaseModel):
    """The queue as a whole, over all instances."""

    success: bool = True
    queued: int = Field(description="Debates that wait.")
    running: int
    capacity: int = Field(description="Debates that can run at once.")
    max_queued: int = Field(description="So many may wait; the next one is answered 429.")
    accepting: bool = Field(description="Whether one more may join now.")
    average_seconds: float | None = Field(description="How long debates took lately.")
    estimated_wait_seconds: int | None = Field(
        description="Of a debate that joined now and were served last; null when nobody can tell."
    )


class DebatesOut(PageOut):
    """A page of debates, newest first."""

    debates: list[DebateOut]
    items: list[DebateOut] = Field(description="The same as `debates`.")
    next_after: str | None = Field(description="`after` of the next page; null on the last.")


class MessageOut(BaseModel):
    """Something that was said."""

    index: int
    role: str = Field(description="`assistant` for agents, `user` for people.")
    content: str
    agent: str
    round: int | None
    phase: str
    timestamp: str
    metadata: dict[str, Any]


class MessagesOut(PageOut):
    debate_id: str
    messages: list[MessageOut]
    items: list[MessageOut] = Field(description="The same as `messages`.")


class TurnErrorOut(BaseModel):
    """A turn that came to nothing; it is never an answer."""

    agent: str
    phase: str
    code: str
    message: str


class RoundOut(RoundFiguresOut):
    messages: list[MessageOut]
    votes: dict[str, str] = Field(description="Agent to the answer that it ranked first.")
    errors: list[TurnErrorOut]


class RoundsOut(BaseModel):
    debate_id: str
    rounds: list[RoundOut]
    total: int


class VoteOut(BaseModel):
    agent: str
    round: int
    choice: str = Field(description="The answer that it ranked first.")
    ranking: list[str] = Field(description="Candidates, best first.")
    confidence: float
    reasoning: str


class VotesOut(BaseModel):
    """The ballots that agents cast. Where none were, the rule counted their standing answers."""

    debate_id: str
    votes: list[VoteOut]
    total: int


class PanelMemberOut(AgentCardOut):
    role: str = Field(description="`panelist` or `judge`.")


class PanelOut(BaseModel):
    debate_id: str
    agents: list[PanelMemberOut]
    total: int


class ConvergenceOut(BaseModel):
    """Agreement between agents and stability of each, by round; the last figures on top."""

    debate_id: str
    agreement: float | None
    stability: float | None
    rounds: list[RoundFiguresOut]


class ConsensusDetailOut(ConsensusOut):
    debate_id: str
    status: str
    stop_reason: str
    winners: list[str]
    dissenting_views: list[DissentOut]
    verdict: dict[str, Any] | None = Field(
        description="The whole verdict: candidates, tally, ties, flips, ballots, order of the "
        "judge, and under `audience` the votes of those who watched, if there were any."
    )


class DecidedOut(ConsensusOut):
    """A stored transcript under another rule. The debate itself is not changed."""

    debate_id: str
    mode: str = Field(description="The rule that was asked for; `method` is what was applied.")
    winners: list[str]
    dissenting_views: list[DissentOut]
    verdict: dict[str, Any]
    model_calls: int = Field(default=0, description="None were made.")


class SummaryOut(BaseModel):
    debate_id: str
    task: str
    status: str
    summary: str = Field(description="A few sentences.")
    final_answer: str | None
    confidence: float | None
    consensus_reached: bool
    stop_reason: str
    dissenting_views: list[DissentOut]


class SpendingOut(BaseModel):
    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    tokens: int
    cost_usd: float | None = Field(description=UNKNOWN_COST)


class CostsOut(BaseModel):
    """What the model calls used, those that came to nothing included."""

    debate_id: str
    total_tokens: int
    total_cost_usd: float | None = Field(description=UNKNOWN_COST)
    cost_known: bool = True
    estimated: bool = Field(description="Some figures were counted here, not told by a server.")
    by_agent: list[SpendingOut]
    by_model: list[SpendingOut]
    by_round: list[SpendingOut]

    @model_validator(mode="after")
    def _unknown_is_not_free(self) -> Self:
        if not self.cost_known:
            self.total_cost_usd = None
            for spending in chain(self.by_agent, self.by_model, self.by_round):
                spending.cost_usd = None
        return self


class EvidencePieceOut(BaseModel):
    """One thing that one position rests on."""

    agent: str
    round: int
    phase: str
    answer: str = Field(description="What it was brought forward for.")
    quote: str | None = Field(description="The words; null where a source is only named.")
    citation: str | None = Field(description="As it was written, such as [3] or [M1].")
    document: DocumentOut | None = Field(
        description="null where the citation leads to no document, or to what was recalled."
    )
    verbatim: bool | None = Field(
        description="Whether the words stand in the document, in this order and none of them cut; "
        "null where nothing can be compared."
    )
    timestamp: str


class EvidenceOut(BaseModel):
    debate_id: str
    evidence: list[EvidencePieceOut]
    total: int


class MetadataOut(BaseModel):
    debate_id: str
    title: str
    tags: list[str]
    domain: str
    metadata: dict[str, Any]
    visibility: str
    created_at: str
    completed_at: str | None


class SeatOut(BaseModel):
    agent: str
    cost_high_usd: float | None = Field(description="null where its price is not known.")


class EstimateOut(BaseModel):
    """What a debate may use: low when the panel agrees at once, high when it runs to the end."""

    num_agents: int
    num_rounds: int
    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    cost_low_usd: float | None = Field(description=UNKNOWN_COST)
    cost_high_usd: float | None = Field(description=UNKNOWN_COST)
    total_estimated_cost_usd: float | None = Field(description="The same as `cost_high_usd`.")
    cost_known: bool = True
    note: str = Field(default="", description="Why a cost is not known, in a sentence.")
    warnings: list[str] = Field(default=[], description="Parameters that were ignored.")
    by_agent: list[SeatOut]
