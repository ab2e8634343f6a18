"""What can be seen of a turn while it is spoken. Ephemeral: nothing of it is in the log."""

from __future__ import annotations

import asyncio

from debates.engine.types import CallKey, Phase
from debates.providers.base import ProviderError
from debates.streaming.events import (
    AgentThinking,
    EphemeralType,
    PhaseProgress,
    TokenDelta,
    TokenEnd,
    TokenStart,
)
from debates.streaming.publisher import publish_frame

_SILENT = {
    Phase.VOTE: "fills in its ballot",
    Phase.JUDGE: "compares the candidates",
}
"""Phases in which an agent fills in a form, so that there is no text to show."""
WAITS = "waits to be asked again"
"""What an agent does that could not be asked."""
BREATH_SECONDS = 0.03
"""How long words are held back for the next ones. Tokens that come in a burst, as they do when
many agents speak at once, cost no more than one."""


class Voice:
    """The frames of one turn."""

    def __init__(self, debate_id: str, key: CallKey) -> None:
        self._debate_id = debate_id
        self._key = key
        self._turn_id = str(key)
        self._held: list[str] = []
        """Words that nobody has been shown yet; `_shown` characters went before them."""
        self._shown: int | None = None
        """None before the turn has begun."""
        self._breath: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The agent has been asked."""
        if self._key.phase in _SILENT:
            self._think(_SILENT[self._key.phase])

    def wait(self, error: ProviderError) -> None:
        """The agent could not be asked, and will be asked again."""
        self._think(f"{WAITS}: {str(error).rstrip('.')}")

    def speak(self, text: str, offset: int) -> None:
        """A piece of text; offset 0 begins the turn, or begins it again."""
        if offset == 0:
            self._start()
        self._held.append(text)
        if self._breath is None:
            loop = asyncio.get_running_loop()
            self._breath = loop.call_later(BREATH_SECONDS, self._show)

    def end(self) -> None:
        """The text is over; the durable event follows."""
        self._show()
        if self._shown is not None:
            data = TokenEnd(
                debate_id=self._debate_id,
                agent=self._key.agent,
                turn_id=self._turn_id,
                length=self._shown,
            )
            self._publish(EphemeralType.TOKEN_END, data)

    def fall_silent(self) -> None:
        """The turn was cut off: nothing more is to be shown of it."""
        if self._breath is not None:
            self._breath.cancel()

    def _think(self, message: str) -> None:
        data = AgentThinking(
            debate_id=self._debate_id,
            agent=self._key.agent,
            round_number=self._key.round,
            phase=self._key.phase,
            message=message,
            turn_id=self._turn_id,
        )
        self._publish(EphemeralType.AGENT_THINKING, data)

    def _start(self) -> None:
        self._held.clear()
        self._shown = 0
        start = TokenStart(
            debate_id=self._debate_id,
            agent=self._key.agent,
            round_number=self._key.round,
            phase=self._key.phase,
            turn_id=self._turn_id,
        )
        self._publish(EphemeralType.TOKEN_START, start)

    def _show(self) -> None:
        if self._breath is not None:
            self._breath.cancel()
            self._breath = None
        if not self._held or self._shown is None:
            return
        text = "".join(self._held)
        self._held.clear()
        delta = TokenDelta(
            debate_id=self._debate_id,
            agent=self._key.agent,
            turn_id=self._turn_id,
            offset=self._shown,
            text=text,
        )
        self._shown += len(text)
        self._publish(EphemeralType.TOKEN_DELTA, delta)

    def _publish(
        self, type: EphemeralType, data: AgentThinking | TokenStart | TokenDelta | TokenEnd
    ) -> None:
        publish_frame(self._debate_id, type, data, round=self._key.round, agent=self._key.agent)


def show_progress(debate_id: str, *, round: int, phase: Phase, done: int, total: int) -> None:
    """How many of a phase's turns are over."""
    progress = PhaseProgress(
        debate_id=debate_id, round_number=round, phase=phase, done=done, total=total
    )
    publish_frame(debate_id, EphemeralType.PHASE_PROGRESS, progress, round=round)
