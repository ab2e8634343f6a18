"""What the closed sets of words are called on a page, and one line on each.

Every member of a set has its words here; a test holds the sets and these tables together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from debates.choices import DebateStatus, Visibility
from debates.engine.types import DecisionMode, HeardAs, Phase, ProtocolName, StopReason

BY_EXTRACTIVE_AGENTS = "by extractive agents, not language models"
"""What came of a debate without a language model on its panel; `render.js` says the same."""


@dataclass(frozen=True, slots=True)
class Word:
    """A label, and a line that explains it."""

    label: str
    line: str
    rule: str = ""
    """How a verdict says that it came about by this, where "by …" is not how people say it."""

    @property
    def by(self) -> str:
        """The label as the way in which something was decided: "by majority"."""
        return self.rule or f"by {self.plain}"

    @property
    def plain(self) -> str:
        """The label within a sentence."""
        return self.label.lower().replace("borda", "Borda")


PROTOCOLS = {
    ProtocolName.ADAPTIVE: Word(
        "Adaptive",
        "Blind answers first. If all agree, it ends there; otherwise each agent reads at most two "
        "anonymous peers and may change its answer only by naming the faulty step.",
    ),
    ProtocolName.CLASSIC: Word(
        "Classic",
        "Every round in four steps: propose, critique a peer, revise, vote.",
    ),
}

DECISIONS = {
    DecisionMode.AUTO: Word(
        "Automatic",
        "By the kind of question: a vote for reasoning, two thirds for knowledge; for open "
        "questions a judge from outside the panel, or a Borda count where no language model is "
        "left to judge.",
    ),
    DecisionMode.PLURALITY: Word("Plurality", "The answer with the most votes."),
    DecisionMode.MAJORITY: Word("Majority", "More than half of the votes."),
    DecisionMode.SUPERMAJORITY: Word("Supermajority", "At least two thirds of the votes."),
    DecisionMode.UNANIMITY: Word("Unanimity", "Every vote, or there is no decision."),
    DecisionMode.APPROVAL: Word(
        "Approval", "Agents approve of as many answers as they like; the most approved wins."
    ),
    DecisionMode.BORDA: Word(
        "Borda count", "Agents rank the answers; a higher place earns more points."
    ),
    DecisionMode.INSTANT_RUNOFF: Word(
        "Instant runoff", "The weakest answer drops out and its votes move on, until one has half."
    ),
    DecisionMode.CONFIDENCE_WEIGHTED: Word(
        "Weighted by confidence",
        "A vote counts as much as its agent says it is sure.",
        rule="weighted by confidence",
    ),
    DecisionMode.JUDGE: Word(
        "Judge",
        "An agent from outside the panel selects an answer, asked in both orders; if the order "
        "changes its choice, that is a tie.",
        rule="by a judge",
    ),
    DecisionMode.NONE: Word("None", "The agents argue and nobody decides."),
}

PHASES = {
    Phase.DRAFT: Word("Blind drafts", "Everybody answers without seeing the others."),
    Phase.EXCHANGE: Word("Exchange", "Agents read anonymous peers, object, and keep or change."),
    Phase.PROPOSE: Word("Proposals", "Everybody proposes without seeing the others."),
    Phase.CRITIQUE: Word("Critiques", "Each agent takes one peer's proposal to task."),
    Phase.REVISE: Word("Revisions", "Proposals are kept or changed in the light of the critiques."),
    Phase.VOTE: Word("Votes", "Ballots over the anonymous answers."),
    Phase.JUDGE: Word("Judge", "A judge from outside the panel selects, once in each order."),
}

STATUSES = {
    DebateStatus.CREATED: Word("Not started", "Stored, and waiting for somebody to start it."),
    DebateStatus.PENDING: Word("In the queue", "It begins as soon as there is room."),
    DebateStatus.RUNNING: Word("Running", "The agents are at work."),
    DebateStatus.PAUSED: Word("Paused", "Nothing is asked and nothing is spent until it goes on."),
    DebateStatus.COMPLETED: Word("Completed", "The debate is over."),
    DebateStatus.FAILED: Word("Failed", "The debate ended without a verdict."),
    DebateStatus.CANCELLED: Word("Cancelled", "Somebody ended the debate."),
}

STOP_REASONS = {
    StopReason.UNANIMOUS: Word("Unanimous", "All agents gave the same answer."),
    StopReason.DECIDED: Word("Decided early", "The rule was met before the last round."),
    StopReason.STABLE: Word("Settled", "Nobody changed an answer in the last round."),
    StopReason.ROUNDS: Word("Rounds used up", "The last round was over."),
    StopReason.BUDGET: Word("Budget used up", "The next round would have cost too much."),
    StopReason.DEADLINE: Word("Out of time", "The deadline had come."),
    StopReason.QUORUM: Word("No quorum", "Too few agents were left."),
    StopReason.STOPPED: Word("Stopped by a person", "Somebody asked for the verdict at once."),
    StopReason.CANCELLED: Word("Cancelled", "Somebody ended the debate."),
    StopReason.CRASHED: Word("Crashed", "It could not be carried through, after several tries."),
}

VISIBILITIES = {
    Visibility.PRIVATE: Word("Private", "Only you can read it."),
    Visibility.WORKSPACE: Word("Workspace", "Whoever belongs to the workspace can read it."),
    Visibility.PUBLIC: Word("Public", "Everybody who can reach this server can read it."),
}

INTERVENTIONS = {
    HeardAs.REDIRECT: "A new direction",
    HeardAs.CONSTRAINT: "A constraint that an answer has to respect",
    HeardAs.CHALLENGE: "A challenge to the answers so far",
    HeardAs.EVIDENCE_REQUEST: "A request for evidence",
    HeardAs.MESSAGE: "A word of your own",
}
"""What those who steer a debate may say, as they choose it."""


def words_to_json(words: Mapping[Any, Word]) -> dict[str, dict[str, str]]:
    """The same table for a script."""
    return {
        str(key): {"label": word.label, "plain": word.plain, "by": word.by, "line": word.line}
        for key, word in words.items()
    }
