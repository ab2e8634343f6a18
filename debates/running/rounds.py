"""Where a debate stands between its rounds and phases, and what is written when it moves on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from debates.choices import EventType
from debates.engine.convergence import measure
from debates.engine.types import Ask, Setup, Turn
from debates.running.checkpoint import Checkpoint, Closing, Offer, Opening
from debates.services.events import NewEvent
from debates.streaming.events import ConvergenceMeasured, PhaseChange, RoundEnd, RoundStart


@dataclass(slots=True)
class Rounds:
    """The round and phase that a debate is in, as they are written down."""

    debate_id: UUID
    fence: int
    setup: Setup
    number: int
    phase: str
    """Empty before the first."""
    started_at: datetime | None
    """When the newest round began; None before the first."""

    def is_open(self, ask: Ask) -> bool:
        """Whether it is written down that this phase has begun."""
        begun = self.started_at is not None
        return begun and (ask.round, ask.phase) == (self.number, self.phase)

    def opening(
        self, ask: Ask, turns: Sequence[Turn], *, suggestions: Sequence[int] = (), now: datetime
    ) -> Checkpoint:
        """What is to be written when the phase of `ask` begins, and with it, if need be, a round;
        `suggestions` are the numbers of the suggestions and interventions that agents are shown.

        A talk that was cut short in a round in which nobody had spoken is followed by ballots of
        the round before; that one is not begun again."""
        events: list[NewEvent] = []
        opened: list[Opening] = []
        closed: list[Closing] = []
        if self._begins(ask):
            events, closed = self.closing(turns, now=now)
            opened.append(Opening(self.debate_id, ask.round, now))
            start = RoundStart(
                debate_id=str(self.debate_id),
                round_number=ask.round,
                total_rounds=self.setup.rounds,
            )
            events.append(NewEvent(EventType.ROUND_START, start, round=ask.round))
        if opened or ask.phase != self.phase:
            change = PhaseChange(
                debate_id=str(self.debate_id),
                from_phase=self.phase,
                to_phase=ask.phase,
                round_number=ask.round,
            )
            if suggestions:
                change["suggestions"] = list(suggestions)
            events.append(NewEvent(EventType.PHASE_CHANGE, change, round=ask.round))
        return Checkpoint(
            self.debate_id,
            self.fence,
            now,
            events,
            {"round": max(self.number, ask.round), "phase": ask.phase},
            opened=opened,
            closed=closed,
            offered=[Offer(ask.round, self.debate_id, number) for number in suggestions],
        )

    def move_on(self, ask: Ask, *, now: datetime) -> None:
        """The opening is written."""
        if self._begins(ask):
            self.number, self.started_at = ask.round, now
        self.phase = ask.phase

    def closing(
        self, turns: Sequence[Turn], *, now: datetime
    ) -> tuple[list[NewEvent], list[Closing]]:
        """What ends the round that is open, if one is."""
        if self.started_at is None:
            return [], []
        number = self.number
        found = measure(self.setup, turns, number)
        convergence = ConvergenceMeasured(
            debate_id=str(self.debate_id),
            round_number=number,
            agreement=found.agreement,
            stability=found.stability,
        )
        end = RoundEnd(
            debate_id=str(self.debate_id),
            round_number=number,
            duration_seconds=round((now - self.started_at).total_seconds(), 3),
        )
        events = [
            NewEvent(EventType.CONVERGENCE, convergence, round=number),
            NewEvent(EventType.ROUND_END, end, round=number),
        ]
        return events, [Closing(now, found.agreement, found.stability, self.debate_id, number)]

    def _begins(self, ask: Ask) -> bool:
        """Whether a round begins with it."""
        return self.started_at is None or ask.round > self.number
