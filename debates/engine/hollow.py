"""Consensus that is made of conformity.

Panels drift towards agreement without having found out anything (Choi 2025, arXiv 2508.17536). So
the path of a majority is looked at: when it overturns what most agents had answered blind, and
nobody joined it for a reason, the blind plurality is kept.
"""

from __future__ import annotations

from collections.abc import Collection

from debates.engine.positions import ABSTAINED
from debates.engine.transcript import Transcript
from debates.engine.types import CandidateId


def overturned(
    transcript: Transcript, winner: CandidateId, backers: Collection[str]
) -> CandidateId | None:
    """The blind plurality that `winner` must not override; None when the win is sound.

    The win is hollow when there was a blind plurality for another answer and all of `backers` who
    did not start with the winner came to it by a change without a faulty step. An agent that only
    votes for another answer than its own has compared candidates without names: that is a
    reason. An agent that abstained until it took up the winner left no answer for it: it is
    neither, and with those who held the winner blind it makes the win sound where they are more
    than the plurality."""
    plurality = transcript.blind_plurality()
    if plurality is None or plurality == winner:
        return None
    blind, now = transcript.answers[0], transcript.answers[-1]
    last_flip = {flip.agent: flip for flip in transcript.flips()}
    joined = [
        name
        for name in backers
        if blind.get(name) != winner
        and not (blind.get(name) == ABSTAINED and now.get(name) == winner and name not in last_flip)
    ]
    if not joined or len(backers) - len(joined) > list(blind.values()).count(plurality):
        return None
    unreasoned = all(
        now.get(name) == winner and name in last_flip and not last_flip[name].reasoned
        for name in joined
    )
    return plurality if unreasoned else None
