"""The vocabulary of the engine: what goes in, what the agents say, what comes out.

All types are immutable. Probabilities, shares and confidences are floats in [0, 1]; money is
US dollars; durations are seconds. Rounds count from 0: round 0 holds the blind drafts, the
exchanges are rounds 1 to `Setup.rounds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

DEFAULT_ROUNDS = 3
"""Exchanges at most, where nobody says otherwise. Most of what talk gains comes in the first (Du et
al. 2023, arXiv 2305.14325)."""
CandidateId = NewType("CandidateId", str)
"""A candidate answer, named by `positions.candidate_id`: equal answers have equal ids."""


class ProtocolName(StrEnum):
    """How the panel talks."""

    ADAPTIVE = "adaptive"
    CLASSIC = "classic"


class DecisionMode(StrEnum):
    """How the panel decides. `auto` picks by the kind of question (see `questions.classify`)."""

    AUTO = "auto"
    PLURALITY = "plurality"
    MAJORITY = "majority"
    SUPERMAJORITY = "supermajority"
    UNANIMITY = "unanimity"
    APPROVAL = "approval"
    BORDA = "borda"
    INSTANT_RUNOFF = "instant_runoff"
    CONFIDENCE_WEIGHTED = "confidence_weighted"
    JUDGE = "judge"
    NONE = "none"


class QuestionKind(StrEnum):
    """What sort of answer a question wants, which decides the rule under `auto`."""

    REASONING = "reasoning"
    KNOWLEDGE = "knowledge"
    OPEN_ENDED = "open_ended"


class Phase(StrEnum):
    """A step within a round; the calls of one phase are independent and run in parallel."""

    DRAFT = "draft"
    """adaptive, round 0: blind answers."""
    EXCHANGE = "exchange"
    """adaptive, rounds 1..n: read peers, criticise, keep or change the answer."""
    PROPOSE = "propose"
    """classic, round 1: blind proposals."""
    CRITIQUE = "critique"
    """classic: criticise one peer's proposal, with a severity."""
    REVISE = "revise"
    """classic: keep or change the proposal in the light of the critiques."""
    VOTE = "vote"
    """Structured ballots over the anonymised candidates."""
    JUDGE = "judge"
    """A judge from outside the panel selects a candidate; asked once in each order."""


class StopReason(StrEnum):
    """Why a debate came to its verdict, or to no verdict."""

    UNANIMOUS = "unanimous"
    DECIDED = "decided"
    """classic: the decision rule was met before the last round."""
    STABLE = "stable"
    """Nobody changed an answer in the last round, or nobody has one."""
    ROUNDS = "rounds"
    BUDGET = "budget"
    DEADLINE = "deadline"
    QUORUM = "quorum"
    """Too few agents were left; the debate fails."""
    STOPPED = "stopped"
    """A person asked for the verdict now."""
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    """Five workers died in it; the debate fails."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, as they stood when the panel was chosen."""

    input_per_million: float = 0.0
    output_per_million: float = 0.0

    def cost(self, usage: Usage) -> float:
        """US dollars for `usage`."""
        return (
            usage.input_tokens * self.input_per_million
            + usage.output_tokens * self.output_per_million
        ) / 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more model calls."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens
        )

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Panelist:
    """A member of the panel, as the protocol sees it."""

    name: str
    family: str
    """The model family ("gpt", "claude", "llama", "extractive"); diversity counts these."""
    persona: str = ""
    is_language_model: bool = True
    max_output_tokens: int = 1024
    price: Price = Price()


@dataclass(frozen=True, slots=True)
class Document:
    """Something to argue from. `number` is what agents cite: [1], [2], …"""

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was remembered from earlier debates. `label` is what agents cite: [M1], [M2], …"""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that is fixed when a debate starts."""

    question: str
    panel: tuple[Panelist, ...]
    judge: Panelist | None = None
    """Outside the panel; None when no further agent is available."""
    context: str = ""
    documents: tuple[Document, ...] = ()
    protocol: ProtocolName = ProtocolName.ADAPTIVE
    decision: DecisionMode = DecisionMode.AUTO
    rounds: int = DEFAULT_ROUNDS
    seed: int = 0
    budget_tokens: int | None = None
    budget_usd: float | None = None
    deadline_seconds: float | None = None
    recalled: tuple[Recalled, ...] = ()
    """What the first round is shown of memory, and no other."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the debate has used up so far."""

    usage: Usage = Usage()
    cost_usd: float = 0.0
    elapsed_seconds: float = 0.0
    stop_requested: bool = False
    """A person asked for the verdict now."""


# --- What agents are asked -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class CallKey:
    """Names a model call within a debate; a debate makes each call once."""

    round: int
    phase: Phase
    agent: str
    part: str = ""
    """Tells calls of one agent in one phase apart: the critique's target, the judge's order."""

    def __str__(self) -> str:
        return ":".join(filter(None, (str(self.round), self.phase, self.agent, self.part)))


@dataclass(frozen=True, slots=True)
class Peer:
    """Another agent's standing answer, as one reader sees it: a letter, not a name."""

    letter: str
    answer: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Objection:
    """A critique of the reader's own proposal, unsigned."""

    issues: tuple[str, ...]
    severity: float
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate on a ballot, as one voter sees it."""

    letter: str
    candidate: CandidateId
    answer: str
    rationale: str


class HeardAs(StrEnum):
    """What somebody who is not on the panel says to it."""

    SUGGESTION = "suggestion"
    """Of somebody who watches. Everything else is said by those who steer the debate."""
    REDIRECT = "redirect"
    CONSTRAINT = "constraint"
    CHALLENGE = "challenge"
    EVIDENCE_REQUEST = "evidence_request"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Heard:
    """A person's words, as agents are shown them."""

    text: str
    kind: HeardAs = HeardAs.SUGGESTION


@dataclass(frozen=True, slots=True)
class Brief:
    """What an agent may know when it answers a call; prompts are rendered from this alone."""

    question: str
    context: str
    documents: tuple[Document, ...]
    persona: str
    own: Position | None = None
    """The agent's standing position, where it has one. Not in the prompt of a VOTE."""
    peers: tuple[Peer, ...] = ()
    objections: tuple[Objection, ...] = ()
    choices: tuple[Choice, ...] = ()
    heard: tuple[Heard, ...] = ()
    """What people say; quoted in prompts as data."""
    recalled: tuple[Recalled, ...] = ()
    """What is remembered of earlier debates; quoted in prompts as data."""


@dataclass(frozen=True, slots=True)
class Repair:
    """An answer that could not be read, for the agent to put right."""

    text: str
    """What the agent wrote."""
    error: str
    """Why that is not an answer, as a sentence to the agent."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one agent. The prompt is `prompts.render(call)`."""

    key: CallKey
    brief: Brief
    max_output_tokens: int
    peer_names: tuple[str, ...] = ()
    """The agent behind each of `brief.peers`, in their order. Never in a prompt: the reply's
    letters are resolved with it."""
    repair: Repair | None = None
    """Set on the second try, by the gateway; providers add it to the conversation themselves."""


# --- What agents answer ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """An answer with its reasons: the reply to DRAFT and PROPOSE."""

    answer: str
    rationale: str
    confidence: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerCritique:
    """What a reader holds against one peer. `target` is an agent's name: letters are resolved."""

    target: str
    issues: tuple[str, ...]
    severity: float
    text: str


@dataclass(frozen=True, slots=True)
class Revision:
    """The reply to EXCHANGE and REVISE: the position afterwards, and why it moved or did not."""

    position: Position
    changed: bool
    faulty_step: str = ""
    """The step in the former reasoning that was wrong; a change without one is unreasoned."""
    critiques: tuple[PeerCritique, ...] = ()

    @property
    def reasoned(self) -> bool:
        return not self.changed or bool(self.faulty_step.strip())


@dataclass(frozen=True, slots=True)
class CritiqueReply:
    """The reply to CRITIQUE."""

    critique: PeerCritique


@dataclass(frozen=True, slots=True)
class Ballot:
    """The reply to VOTE. One ballot carries enough for every rule, so that a stored transcript
    can be decided again under another one."""

    voter: str
    ranking: tuple[CandidateId, ...]
    """Best first, without repetition; may leave out the worst."""
    approved: frozenset[CandidateId]
    confidence: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The reply to JUDGE: one candidate, never a text of the judge's own."""

    candidate: CandidateId
    reason: str = ""


Reply = Position | Revision | CritiqueReply | Ballot | Selection


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call came to nothing. Never shown to other agents, never an answer."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A call that is over: its reply, or its failure."""

    key: CallKey
    outcome: Reply | Failure
    text: str = ""
    """What the agent wrote, word for word; empty for a failure."""
    usage: Usage = Usage()
    cost_usd: float = 0.0
    inherited: bool = False
    """It was taken in another debate, and took nothing of this one's time."""


# --- What the engine answers -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A distinct answer. `authors` first put it forward, in the earliest round that had it."""

    id: CandidateId
    answer: str
    rationale: str
    authors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """An agent changed its answer. To take one up after an abstention is no flip."""

    agent: str
    round: int
    before: str
    after: str
    reasoned: bool


@dataclass(frozen=True, slots=True)
class DissentingView:
    """A panelist who does not stand behind the decision, and why."""

    agent: str
    answer: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, with what speaks against it."""

    reached: bool
    """Whether the rule was met. A tie is never reached."""
    method: DecisionMode
    """The rule that was applied, never `auto`."""
    answer: str | None
    """The winning candidate's answer, word for word; None when nothing was reached."""
    winners: tuple[str, ...]
    """Authors of the winning answer; empty when nothing was reached."""
    confidence: float
    """Laplace's rule of succession over supporters: (s + 1) / (n + 2) for s of n agents behind
    the winner, those who voted and those who abstained; 0 when nothing was reached. Agents' stated
    confidence does not enter."""
    agreement: float
    """Share of voters behind the most supported candidate."""
    supporting: tuple[str, ...]
    dissenting: tuple[DissentingView, ...]
    candidates: tuple[Candidate, ...]
    tally: Mapping[CandidateId, float]
    """Points under the rule (votes, Borda points, weights …). Under `judge` these are the judge's
    selections and no votes: 2 for the answer that it selected in both orders, or 1 and 1."""
    tied: tuple[CandidateId, ...] = ()
    hollow: bool = False
    """The majority rests on unreasoned flips alone, so the blind plurality was kept."""
    flips: tuple[Flip, ...] = ()
    order_consistent: bool | None = None
    """Whether the judge selected the same candidate in both orders; None without a judge."""
    explanation: str = ""
    """One or two sentences for people: the rule, the count and any fallback."""
    stop_reason: StopReason = StopReason.ROUNDS
    ballots: tuple[Ballot, ...] = ()
    """The panel's: the cast ballots, or ballots derived from positions. They are what was counted,
    but under `judge`, where they are told beside the judge's selections (see `tally`) and make up
    `supporting`, `agreement` and `confidence` alone."""
    abstained: tuple[str, ...] = ()
    """Agents that gave no answer (`positions.is_abstention`), by name. They have no ballot and no
    dissenting view. Of a hollow majority: those who gave none blind."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """Two figures that are never mixed (see docs/PROTOCOLS.md)."""

    round: int
    agreement: float
    """Share of those who give an answer on the most common one."""
    stability: float | None
    """Share of panelists who kept their own previous answer; None in the first round."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Make these calls, all at once; they are of one round and phase."""

    round: int
    phase: Phase
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The debate is over."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Fail:
    """The debate cannot go on."""

    stop_reason: StopReason
    message: str


Step = Ask | Finish | Fail


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a debate may use: low when it ends unanimous at once, high when it runs to the end."""

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    cost_low_usd: float
    cost_high_usd: float
    by_agent: Mapping[str, float] = field(default_factory=dict)
    """Highest cost of each panelist, US dollars."""
