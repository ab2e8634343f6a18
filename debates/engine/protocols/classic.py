"""Propose, then rounds of critique, revision and vote.

The proposals belong to round 1. A round ends with a vote; the first round whose vote meets the
rule ends the debate.
"""

from __future__ import annotations

from dataclasses import replace

from debates.engine.anonymity import pair_up
from debates.engine.calls import critique_call, objections_to, revise_call
from debates.engine.protocols.base import Proceedings
from debates.engine.transcript import Shape
from debates.engine.types import (
    Ask,
    Fail,
    Finish,
    Phase,
    ProtocolName,
    Step,
    StopReason,
)


class Classic:
    name = ProtocolName.CLASSIC
    shape = Shape(first_round=1, opening=Phase.PROPOSE, revising=Phase.REVISE)

    def next_step(self, proceedings: Proceedings) -> Step:
        transcript = proceedings.transcript
        opening = proceedings.open(self.shape)
        if isinstance(opening, StopReason):
            return proceedings.close(opening)
        if opening is not None:
            return opening
        if transcript.newest_round == 0 and transcript.nobody_answered():
            return proceedings.close(StopReason.STABLE)
        last = proceedings.setup.rounds
        for number in range(1, last + 1):
            talk = self._talk(proceedings, number)
            if isinstance(talk, StopReason):
                return proceedings.close(talk)
            if talk is not None:
                return talk
            if number < last and transcript.has_begun(number + 1):
                continue  # so its vote did not meet the rule
            step = self._end_round(proceedings, number)
            if step is not None:
                return step
        raise AssertionError("the last round always ends the debate")

    def shortest(self) -> list[Phase]:
        return self.longest(1, [])

    def longest(self, rounds: int, closing: list[Phase]) -> list[Phase]:
        return [Phase.PROPOSE, *[Phase.CRITIQUE, Phase.REVISE, *closing] * rounds]

    def _talk(self, proceedings: Proceedings, number: int) -> Ask | Fail | StopReason | None:
        """Critique and revision of a round. None when both are over."""
        transcript = proceedings.transcript
        is_over = transcript.has_closing_turns(number)
        pairs = pair_up(transcript.positions, seed=proceedings.setup.seed, round_number=number)
        if missing := proceedings.missing(transcript.positions, number, Phase.CRITIQUE):
            critiques = [
                critique_call(transcript, critic, number, pairs[critic.name]) for critic in missing
            ]
            return proceedings.talk(number, Phase.CRITIQUE, critiques, is_over=is_over)
        answered = transcript.answered(number, Phase.CRITIQUE)
        if answered < proceedings.quorum:
            return proceedings.no_quorum(answered)
        objections = objections_to(transcript.at(number, Phase.CRITIQUE))
        if missing := proceedings.missing(sorted(objections), number, Phase.REVISE):
            revisions = [
                revise_call(transcript, author, number, objections[author.name], proceedings.heard)
                for author in missing
            ]
            return proceedings.talk(number, Phase.REVISE, revisions, is_over=is_over)
        answered = transcript.answered(number, Phase.REVISE)
        # Who was not criticised had nothing to answer.
        if answered < min(proceedings.quorum, len(objections)):
            return proceedings.no_quorum(answered)
        return None

    def _end_round(self, proceedings: Proceedings, number: int) -> Step | None:
        """The vote of the newest round. None when its rule is not met and there is another."""
        if proceedings.transcript.is_unanimous():
            return proceedings.close(StopReason.UNANIMOUS)
        if proceedings.transcript.nobody_answered():
            return proceedings.close(StopReason.STABLE)
        step = proceedings.close(StopReason.DECIDED)
        if not isinstance(step, Finish) or step.verdict.reached:
            return step
        if number < proceedings.setup.rounds:
            return None
        if step.verdict.stop_reason is StopReason.DECIDED:
            return Finish(replace(step.verdict, stop_reason=StopReason.ROUNDS))
        return step
