"""The default: blind drafts, an exchange only where they differ, then a vote.

At equal cost, independent answers and a vote are hard to beat; most of what talk gains comes with
the first exchange between agents that differ, and conformity loses it again (Smit 2024, arXiv
2311.17371; Choi 2025, arXiv 2508.17536; Zhang 2025, arXiv 2502.08788). So agreement ends the debate
at once, agents meet those that contradict them, and it stops when nobody moves any more.
"""

from __future__ import annotations

from debates.engine.calls import exchange_call
from debates.engine.protocols.base import Proceedings
from debates.engine.transcript import Shape
from debates.engine.types import Ask, Fail, Phase, ProtocolName, Step, StopReason


class Adaptive:
    name = ProtocolName.ADAPTIVE
    shape = Shape(first_round=0, opening=Phase.DRAFT, revising=Phase.EXCHANGE)

    def next_step(self, proceedings: Proceedings) -> Step:
        talk = self._talk(proceedings)
        return proceedings.close(talk) if isinstance(talk, StopReason) else talk

    def shortest(self) -> list[Phase]:
        return [Phase.DRAFT]

    def longest(self, rounds: int, closing: list[Phase]) -> list[Phase]:
        return [Phase.DRAFT, *[Phase.EXCHANGE] * rounds, *closing]

    def _talk(self, proceedings: Proceedings) -> Ask | Fail | StopReason:
        """The next calls of the talk, or why it has ended."""
        transcript = proceedings.transcript
        newest = transcript.newest_round
        if newest == 0:
            opening = proceedings.open(self.shape)
            if opening is not None:
                return opening
            if transcript.is_unanimous():
                return StopReason.UNANIMOUS
            if transcript.nobody_answered():
                return StopReason.STABLE
        for number in range(max(1, newest), proceedings.setup.rounds + 1):
            missing = proceedings.missing(transcript.positions, number, Phase.EXCHANGE)
            if missing:
                return proceedings.talk(
                    number,
                    Phase.EXCHANGE,
                    [
                        exchange_call(transcript, reader, number, proceedings.heard)
                        for reader in missing
                    ],
                    is_over=transcript.has_closing_turns(transcript.closing_round),
                )
            answered = transcript.answered(number, Phase.EXCHANGE)
            if answered < proceedings.quorum:
                return proceedings.no_quorum(answered)
            if transcript.is_unanimous(number):
                return StopReason.UNANIMOUS
            if transcript.nobody_answered(number) or not transcript.changed_in(number):
                return StopReason.STABLE
        return StopReason.ROUNDS
