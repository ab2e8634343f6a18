"""Every frame that the server sends, as a type.

Durable events go into the log and carry a dense `seq`; ephemeral frames are for whoever is
listening now. Field names follow CONTRACT.md §2, which the Python client reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

from debates.choices import EventType


class EphemeralType(StrEnum):
    """Frames for whoever is listening now: no `seq`, never in the log, dropped under pressure."""

    TOKEN_START = "token_start"  # noqa: S105 (a word of the model, not of a credential)
    TOKEN_DELTA = "token_delta"  # noqa: S105
    TOKEN_END = "token_end"  # noqa: S105
    AGENT_THINKING = "agent_thinking"
    PHASE_PROGRESS = "phase_progress"
    QUEUE_POSITION = "queue_position"


class ControlType(StrEnum):
    """Frames about the connection itself."""

    CONNECTION_INFO = "connection_info"
    LOOP_LIST = "loop_list"
    SYNC = "sync"
    REPLAY_START = "replay_start"
    REPLAY_END = "replay_end"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    PONG = "pong"
    ACK = "ack"
    HEARTBEAT = "heartbeat"
    WARNING = "warning"
    ERROR = "error"


class Envelope(TypedDict):
    """The form of every frame. `loop_id` repeats `debate_id`; ephemeral frames have no `seq`."""

    type: str
    data: dict[str, Any]
    timestamp: str
    debate_id: str
    loop_id: str
    seq: NotRequired[int]
    epoch: str
    round: int | None
    agent: str | None
    trace_id: str


# --- Durable -----------------------------------------------------------------------------------


class DebateQueued(TypedDict):
    debate_id: str
    task: str
    queue_position: int


class AgentCard(TypedDict):
    name: str
    provider: str
    model: str
    family: str
    is_language_model: bool


class DebateStart(TypedDict):
    debate_id: str
    task: str
    agents: list[str]
    panel: list[AgentCard]
    total_rounds: int
    protocol: str
    decision: str


class PhaseChange(TypedDict):
    debate_id: str
    from_phase: str
    to_phase: str
    round_number: int
    suggestions: NotRequired[list[int]]
    """The numbers of the suggestions and interventions that the agents are shown in it, if any."""


class RoundStart(TypedDict):
    debate_id: str
    round_number: int
    total_rounds: int


class Propose(TypedDict):
    debate_id: str
    round_number: int
    agent: str
    content: str
    answer: str
    candidate: str
    """Names the answer: equal ones have equal ids."""
    rationale: str
    confidence: float
    evidence: list[str]
    role: str
    turn_id: str
    inherited: NotRequired[bool]
    """In a fork: it was said in the debate that this one was forked from."""


class AgentMessage(TypedDict):
    """A person's turn. It belongs to no agent."""

    debate_id: str
    round_number: int
    """Under way when it was said."""
    agent: str
    content: str
    confidence: None
    role: str
    """`HUMAN`."""
    user_id: str
    """As in `AudienceSuggestion`."""
    number: int
    apply_at_round: int
    """Both as in `Intervention`."""


class Critique(TypedDict):
    debate_id: str
    round_number: int
    agent: str
    target_agent: str
    content: str
    score: float
    """1 - severity."""
    issues: list[str]
    severity: float
    turn_id: str
    inherited: NotRequired[bool]


class RevisionMade(TypedDict):
    """The payload of `revision`."""

    debate_id: str
    round_number: int
    agent: str
    content: str
    original_content: str
    answer: str
    candidate: str
    """As in `Propose`."""
    rationale: str
    confidence: float
    changed: bool
    reasoned: bool
    faulty_step: str
    turn_id: str
    inherited: NotRequired[bool]


class AgentError(TypedDict):
    debate_id: str
    round_number: int
    agent: str
    phase: str
    code: str
    message: str
    turn_id: str
    inherited: NotRequired[bool]


class Vote(TypedDict):
    debate_id: str
    round_number: int
    agent: str
    choice: str
    """The answer ranked first."""
    ranking: list[str]
    """Candidate ids, best first."""
    reasoning: str
    confidence: float
    turn_id: str
    inherited: NotRequired[bool]


class ConvergenceMeasured(TypedDict):
    """The payload of `convergence`."""

    debate_id: str
    round_number: int
    agreement: float
    stability: float | None


class RoundEnd(TypedDict):
    debate_id: str
    round_number: int
    duration_seconds: float


class Consensus(TypedDict):
    """The verdict, also when nothing was reached."""

    debate_id: str
    round_number: int
    result: str
    """The winning answer, or a sentence that says why there is none."""
    confidence: float
    method: str
    reached: bool
    agreement: float
    stop_reason: str
    explanation: str
    supporting_agents: list[str]
    dissenting_agents: list[str]
    verdict: dict[str, Any]
    """The engine's `Verdict` as JSON; with an `AudienceVerdict` as "audience" if there were votes
    from the audience."""


class ConsensusReached(TypedDict):
    """Follows `consensus` only when the decision was reached."""

    debate_id: str
    result: str
    confidence: float
    final_round: int


class HollowConsensus(TypedDict):
    debate_id: str
    result: str
    """The blind plurality that was kept."""
    message: str


class Synthesis(TypedDict):
    debate_id: str
    round_number: int
    agent: str
    content: str
    confidence: float
    sources: list[str]


class Intervention(TypedDict):
    """What somebody who steers the debate gives the panel; of the type "stop", that the verdict was
    asked for."""

    debate_id: str
    type: str
    """An `engine.types.HeardAs`, or "stop"."""
    content: str
    apply_at_round: int
    """The first round whose exchange may be shown it."""
    number: NotRequired[int]
    """Counts what people said to the panel, as in `AudienceSuggestion`. Absent from a stop."""
    user_id: NotRequired[str]
    """As in `AudienceSuggestion`."""


class AudienceSuggestion(TypedDict):
    """Something that somebody who watches wants the panel to consider."""

    debate_id: str
    user_id: str
    """Stands for the person within this debate; says nothing else about them."""
    number: int
    """Counts the debate's suggestions and interventions, together, from 1."""
    content: str
    round_number: int


class AudienceCount(TypedDict):
    """How the audience thinks of one answer."""

    candidate: str
    """As in `Propose`."""
    votes: int
    mean_intensity: float


class AudienceTally(TypedDict):
    """The audience's votes at one moment, of each person the last."""

    voters: int
    candidates: list[AudienceCount]
    """Those with votes, the most first."""


class AudienceResult(AudienceCount):
    answer: str
    stands: bool
    """Whether it was still put to the panel at the decision."""


class AudienceVerdict(TypedDict):
    """The audience's votes at the decision, to be shown beside the panel's."""

    weight: float
    """What they weigh in the decision."""
    voters: int
    candidates: list[AudienceResult]
    """The most votes first."""


class UserVote(TypedDict):
    """A vote of somebody who watches; of each person the last one counts."""

    debate_id: str
    user_id: str
    """As in `AudienceSuggestion`."""
    candidate: str
    """As in `Propose`."""
    choice: str
    """The first words of the answer."""
    intensity: int
    """From 1 to 10."""
    round_number: int
    tally: AudienceTally
    """All votes, this one included."""


class RecalledEntry(TypedDict):
    """What an earlier debate, or a person, left in memory."""

    id: int
    label: str
    """What agents cite: M1, M2, …"""
    tier: str
    kind: str
    content: str
    """As the first round is shown it."""
    importance: float
    score: float
    """From 0 to 1."""
    why: str
    """Why it was recalled, for people."""
    debate_id: str | None
    """Where it comes from; null for what a person wrote."""
    slug: str
    created_at: str


class SettledBefore(TypedDict):
    """An earlier debate of the same question that came to a decision."""

    debate_id: str
    slug: str
    question: str
    answer: str
    confidence: float
    similarity: float
    completed_at: str
    by_language_models: NotRequired[bool]
    """Whether any sat on its panel. Left out by logs from before it was told."""


class MemoryRecall(TypedDict):
    debate_id: str
    entries: list[RecalledEntry]
    settled: list[SettledBefore]


class RatingChange(TypedDict):
    agent: str
    won: bool
    elo_before: float
    elo_after: float


class MatchRecorded(TypedDict):
    debate_id: str
    domain: str
    results: list[RatingChange]


class DebatePaused(TypedDict):
    debate_id: str
    reason: str


class DebateResumed(TypedDict):
    debate_id: str


class DebateCancelled(TypedDict):
    debate_id: str
    reason: str


class DebateFailed(TypedDict):
    debate_id: str
    reason: str
    message: str


class DebateEnd(TypedDict):
    """The last event of every debate, however it ended."""

    debate_id: str
    status: str
    result: str
    total_rounds: int
    rounds_used: int
    consensus_reached: bool
    stop_reason: str
    duration_seconds: float
    tokens: int
    cost_usd: float


# --- Ephemeral ---------------------------------------------------------------------------------


class TokenStart(TypedDict):
    debate_id: str
    agent: str
    round_number: int
    phase: str
    turn_id: str


class TokenDelta(TypedDict):
    debate_id: str
    agent: str
    turn_id: str
    offset: int
    """Where `text` starts in the turn, in characters (Unicode code points)."""
    text: str


class TokenEnd(TypedDict):
    """The stream of a turn is over; the durable event with the full text follows."""

    debate_id: str
    agent: str
    turn_id: str
    length: int


class AgentThinking(TypedDict):
    """The agent is at work without a text to show: a ballot, a retry."""

    debate_id: str
    agent: str
    round_number: int
    phase: str
    message: str
    turn_id: str


class PhaseProgress(TypedDict):
    debate_id: str
    round_number: int
    phase: str
    done: int
    total: int


class QueuePosition(TypedDict):
    """Where a debate that waits stands now."""

    debate_id: str
    queue_position: int
    """1 is the next to run."""
    estimated_wait_seconds: int | None
    """None when nobody can tell yet."""


# --- Control -----------------------------------------------------------------------------------


class StreamLimits(TypedDict):
    payload_bytes: int
    messages_per_second: int
    message_burst: int
    audience_messages_per_minute: int
    """Votes and suggestions of one person."""
    audience_burst: int
    debates_per_socket: int


class ConnectionInfo(TypedDict):
    """The first frame on every socket."""

    connection_id: str
    server_version: str
    user: str | None
    """The name of whoever is signed in."""
    heartbeat_seconds: float
    limits: StreamLimits


class Loop(TypedDict):
    """A debate that is not over; `loop_id` repeats `debate_id`."""

    debate_id: str
    loop_id: str
    slug: str
    task: str
    status: str
    round: int
    total_rounds: int
    seq: int


class LoopList(TypedDict):
    loops: list[Loop]
    count: int


class Subscribed(TypedDict):
    debate_id: str
    since_seq: int
    """Events after this one follow."""
    last_seq: int
    """Where the log stands; what comes after it is live."""
    epoch: str


class Unsubscribed(TypedDict):
    debate_id: str


class ReplayStart(TypedDict):
    debate_id: str
    from_seq: int
    to_seq: int


class ReplayEnd(TypedDict):
    debate_id: str
    last_seq: int


class Sync(TypedDict):
    """A new start: forget what you had of this debate. Events after `seq` follow."""

    debate_id: str
    reason: str
    """"requested", "epoch_changed", "seq_unknown"."""
    seq: int
    epoch: str
    snapshot: dict[str, Any]
    """`debates.selectors.Snapshot`, what GET /api/v1/debates/{id}/snapshot answers."""


class Pong(TypedDict):
    ts: Any
    """What the ping brought."""


class Ack(TypedDict):
    debate_id: str
    type: str
    """The type of the frame that was accepted."""


class Heartbeat(TypedDict):
    interval_seconds: float


class Warned(TypedDict):
    """The payload of `warning`: something was not done, the connection and the rest go on."""

    debate_id: str
    """Empty where it is about no debate."""
    message: str
    severity: str
    code: str


class Failed(TypedDict):
    """The payload of `error`: the subscription of `debate_id` is over."""

    error: str
    message: str
    code: str
    debate_id: str


# --- Schemas -----------------------------------------------------------------------------------

PAYLOADS: Mapping[str, type] = {
    EventType.DEBATE_QUEUED: DebateQueued,
    EventType.DEBATE_START: DebateStart,
    EventType.PHASE_CHANGE: PhaseChange,
    EventType.ROUND_START: RoundStart,
    EventType.PROPOSE: Propose,
    EventType.CRITIQUE: Critique,
    EventType.REVISION: RevisionMade,
    EventType.AGENT_MESSAGE: AgentMessage,
    EventType.AGENT_ERROR: AgentError,
    EventType.VOTE: Vote,
    EventType.CONVERGENCE: ConvergenceMeasured,
    EventType.CONSENSUS: Consensus,
    EventType.SYNTHESIS: Synthesis,
    EventType.HOLLOW_CONSENSUS: HollowConsensus,
    EventType.INTERVENTION: Intervention,
    EventType.AUDIENCE_SUGGESTION: AudienceSuggestion,
    EventType.USER_VOTE: UserVote,
    EventType.MEMORY_RECALL: MemoryRecall,
    EventType.ROUND_END: RoundEnd,
    EventType.CONSENSUS_REACHED: ConsensusReached,
    EventType.MATCH_RECORDED: MatchRecorded,
    EventType.DEBATE_PAUSED: DebatePaused,
    EventType.DEBATE_RESUMED: DebateResumed,
    EventType.DEBATE_CANCELLED: DebateCancelled,
    EventType.DEBATE_FAILED: DebateFailed,
    EventType.DEBATE_END: DebateEnd,
    EphemeralType.TOKEN_START: TokenStart,
    EphemeralType.TOKEN_DELTA: TokenDelta,
    EphemeralType.TOKEN_END: TokenEnd,
    EphemeralType.AGENT_THINKING: AgentThinking,
    EphemeralType.PHASE_PROGRESS: PhaseProgress,
    EphemeralType.QUEUE_POSITION: QueuePosition,
    ControlType.CONNECTION_INFO: ConnectionInfo,
    ControlType.LOOP_LIST: LoopList,
    ControlType.SYNC: Sync,
    ControlType.REPLAY_START: ReplayStart,
    ControlType.REPLAY_END: ReplayEnd,
    ControlType.SUBSCRIBED: Subscribed,
    ControlType.UNSUBSCRIBED: Unsubscribed,
    ControlType.PONG: Pong,
    ControlType.ACK: Ack,
    ControlType.HEARTBEAT: Heartbeat,
    ControlType.WARNING: Warned,
    ControlType.ERROR: Failed,
}
"""The payload of every type of frame: the schema that clients may rely on."""
