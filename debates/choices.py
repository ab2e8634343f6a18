"""The closed sets of words that rows, events and clients share."""

from enum import StrEnum

from django.db import models


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    """A closed set of the engine's as choices of a model field."""
    return [(word.value, word.value.replace("_", " ")) for word in words]


class DebateStatus(models.TextChoices):
    """Where a debate stands; the words are those of the REST contract."""

    CREATED = "created"
    """Stored, not to be run until somebody starts it."""
    PENDING = "pending"
    """Waiting for a worker."""
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL_STATUSES = frozenset({DebateStatus.COMPLETED, DebateStatus.FAILED, DebateStatus.CANCELLED})


class Origin(models.TextChoices):
    """What a debate that was made from another one is to it."""

    NONE = "", "Of its own"
    CLONE = "clone", "Clone"
    """The same, held anew."""
    FORK = "fork", "Fork"
    """What was said up to a round is the other one's; the rest is argued anew."""
    FOLLOW_UP = "follow_up", "Follow-up"
    """A further question, asked with what the other one decided."""


class Visibility(models.TextChoices):
    """Who may read a debate and its stream."""

    PUBLIC = "public"
    WORKSPACE = "workspace"
    """Those who belong to the debate's workspace."""
    PRIVATE = "private"


class ProviderName(models.TextChoices):
    """Where an agent's words come from; one folder of debates/providers each."""

    EXTRACTIVE = "extractive", "Extractive (not a language model)"
    OPENAI_COMPATIBLE = "openai_compatible", "OpenAI-compatible server"
    ANTHROPIC = "anthropic", "Anthropic"


class EventType(models.TextChoices):
    """Durable events: numbered by a dense `seq` per debate and kept in the log."""

    DEBATE_QUEUED = "debate_queued"
    DEBATE_START = "debate_start"
    PHASE_CHANGE = "phase_change"
    ROUND_START = "round_start"
    PROPOSE = "propose"
    CRITIQUE = "critique"
    REVISION = "revision"
    AGENT_MESSAGE = "agent_message"
    AGENT_ERROR = "agent_error"
    VOTE = "vote"
    CONVERGENCE = "convergence"
    CONSENSUS = "consensus"
    SYNTHESIS = "synthesis"
    HOLLOW_CONSENSUS = "hollow_consensus"
    INTERVENTION = "intervention"
    AUDIENCE_SUGGESTION = "audience_suggestion"
    USER_VOTE = "user_vote"
    MEMORY_RECALL = "memory_recall"
    ROUND_END = "round_end"
    CONSENSUS_REACHED = "consensus_reached"
    MATCH_RECORDED = "match_recorded"
    DEBATE_PAUSED = "debate_paused"
    DEBATE_RESUMED = "debate_resumed"
    DEBATE_CANCELLED = "debate_cancelled"
    DEBATE_FAILED = "debate_failed"
    DEBATE_END = "debate_end"
