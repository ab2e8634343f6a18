"""The words that clients use for our own, where they are not the same."""

from debates.choices import DebateStatus
from debates.engine.types import DecisionMode
from debates.exceptions import InvalidInput

CONSENSUS_WORDS = {mode.value: mode for mode in DecisionMode} | {
    "unanimous": DecisionMode.UNANIMITY,
    "weighted": DecisionMode.CONFIDENCE_WEIGHTED,
    # Names of mixed strategies elsewhere: here, the rule that suits the kind of question.
    "hybrid": DecisionMode.AUTO,
    "semantic": DecisionMode.AUTO,
}

STATUS_WORDS = {status.value: frozenset({status}) for status in DebateStatus} | {
    "active": frozenset({DebateStatus.PENDING, DebateStatus.RUNNING, DebateStatus.PAUSED}),
    "starting": frozenset({DebateStatus.PENDING}),
    "in_progress": frozenset({DebateStatus.RUNNING}),
    "concluded": frozenset({DebateStatus.COMPLETED}),
}


def rule_for(word: str) -> str:
    """The rule that a client means; a word that is none stays, for the service to refuse."""
    mode = _mode(word)
    return word if mode is None else mode.value


def _mode(word: str) -> DecisionMode | None:
    return CONSENSUS_WORDS.get(word.strip().lower().replace("-", "_"))


def decision_mode(word: str, *, field: str) -> DecisionMode:
    """The rule that a client means. Raises `InvalidInput` with the words that there are."""
    mode = _mode(word)
    if mode is None:
        message = f"Use one of {', '.join(CONSENSUS_WORDS)}."
        raise InvalidInput(f"{field}: {message}", fields=((field, message),))
    return mode


def statuses(words: str) -> frozenset[DebateStatus]:
    """The states that a `status` filter means: one word, or several with commas."""
    found: frozenset[DebateStatus] = frozenset()
    for word in words.split(","):
        states = STATUS_WORDS.get(word.strip().lower())
        if states is None:
            message = f"Use one of {', '.join(STATUS_WORDS)}."
            raise InvalidInput(f"status: {message}", fields=(("status", message),))
        found |= states
    return found
