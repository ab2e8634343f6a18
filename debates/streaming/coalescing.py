"""Token deltas, merged into fewer frames. No Django, no clock."""

from __future__ import annotations

from dataclasses import replace

from debates.streaming.envelope import Frame
from debates.streaming.events import EphemeralType

COALESCE_SECONDS = 0.06
"""How long a delta waits for the next: below what a reader sees as a jump."""


class Coalescer:
    """Holds the deltas of each turn back until somebody flushes them.

    Any other frame of a debate lets the debate's deltas go first, so that the order of frames
    stays as it was published."""

    def __init__(self) -> None:
        self._pending: dict[str, dict[str, Frame]] = {}

    def __bool__(self) -> bool:
        """Whether something is held back."""
        return bool(self._pending)

    def put(self, frame: Frame) -> list[Frame]:
        """Take a frame in; what may leave at once, in order."""
        if frame.type != EphemeralType.TOKEN_DELTA:
            return [*self._pending.pop(frame.debate_id, {}).values(), frame]
        turns = self._pending.setdefault(frame.debate_id, {})
        turn = frame.data["turn_id"]
        held = turns.get(turn)
        if held is None:
            turns[turn] = frame
            return []
        if held.data["offset"] + len(held.data["text"]) == frame.data["offset"]:
            merged = {**held.data, "text": held.data["text"] + frame.data["text"]}
            turns[turn] = replace(held, data=merged, _body="")
            return []
        turns[turn] = frame  # The turn was begun again, or a piece is missing: not one text.
        return [held]

    def flush(self) -> list[Frame]:
        """Everything that was held back, in order within each debate."""
        frames = [frame for turns in self._pending.values() for frame in turns.values()]
        self._pending.clear()
        return frames
