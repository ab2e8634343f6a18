"""How far a panel has come together, as two figures that are never mixed.

Agreement is between agents, by their answers; stability is of each agent against its own former
answer. Neither compares texts by embedding: that does not tell agreement from contradiction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from debates.engine.positions import ABSTAINED
from debates.engine.protocols import read
from debates.engine.types import Convergence, Revision, Setup, Turn


def measure(setup: Setup, turns: Iterable[Turn], round_number: int) -> Convergence:
    """The figures at the end of a round, or as far as it has come.

    Agreement counts the agents that give an answer, and is 0 when all abstain. Stability counts
    those that answered in this round; it is None in the first round, and where nobody did."""
    transcript = read(setup, turns)
    at = max(0, min(round_number, len(transcript.standing) - 1))
    answers = transcript.answers[at]
    given = [answer for answer in answers.values() if answer != ABSTAINED]
    most = max(Counter(given).values(), default=0)
    stability = None
    if round_number > transcript.shape.first_round and at == round_number:
        revised = transcript.at(round_number, transcript.shape.revising)
        before = transcript.answers[at - 1]
        kept = [
            answers[name] == before[name]
            for name in answers
            if name in revised and isinstance(revised[name].outcome, Revision)
        ]
        stability = sum(kept) / len(kept) if kept else None
    return Convergence(round_number, most / len(given) if given else 0.0, stability)
