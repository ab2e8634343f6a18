"""The text so far of the turns that are being spoken, for those who join late. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from debates.choices import EventType
from debates.streaming.envelope import Frame
from debates.streaming.events import EphemeralType

MAX_CHARACTERS = 200_000
"""Of one debate's open turns. A turn that would exceed it is left out: whoever joins late sees
its later deltas, can tell by their offset, and has the full text with the event that closes it."""

_SILENCING = frozenset(
    {
        EventType.DEBATE_PAUSED,
        EventType.DEBATE_CANCELLED,
        EventType.DEBATE_FAILED,
        EventType.DEBATE_END,
    }
)


@dataclass(slots=True)
class OpenTurn:
    """A turn whose `token_start` has been seen, with the pieces of its text."""

    start: Frame
    last: Frame
    pieces: list[str]
    length: int = 0
    known: bool = True
    """False when a piece is missing: the text is of no use to anybody then."""


class OpenTurns:
    """Follows the token frames of any number of debates."""

    def __init__(self) -> None:
        self._debates: dict[str, dict[str, OpenTurn]] = {}

    @property
    def debates(self) -> list[str]:
        """Those in which somebody is speaking."""
        return [debate_id for debate_id, turns in self._debates.items() if turns]

    def observe(self, frame: Frame) -> None:
        """Take note of a frame, ephemeral or durable."""
        if frame.seq is not None:
            if (turns := self._debates.get(frame.debate_id)) is not None:
                turns.pop(frame.data.get("turn_id", ""), None)
                if frame.type in _SILENCING:
                    self.forget(frame.debate_id)
        elif frame.type == EphemeralType.TOKEN_DELTA:
            self._extend(frame)
        elif frame.type == EphemeralType.TOKEN_START:
            turns = self._debates.setdefault(frame.debate_id, {})
            turns[frame.data["turn_id"]] = OpenTurn(start=frame, last=frame, pieces=[])

    def forget(self, debate_id: str) -> None:
        """Drop what is known of a debate."""
        self._debates.pop(debate_id, None)

    def so_far(self, debate_id: str) -> list[Frame]:
        """For each open turn its `token_start` and one `token_delta` with all of its text."""
        frames: list[Frame] = []
        for turn in self._debates.get(debate_id, {}).values():
            if not turn.known:
                continue
            frames.append(turn.start)
            if turn.length:
                turn.pieces = ["".join(turn.pieces)]
                frames.append(_with_data(turn.last, {"offset": 0, "text": turn.pieces[0]}))
        return frames

    def news(self, reminder: Sequence[Frame]) -> list[Frame]:
        """Of another process's `so_far`, the turns of which less is known here."""
        by_turn: dict[tuple[str, str], list[Frame]] = {}
        for frame in reminder:
            by_turn.setdefault((frame.debate_id, frame.data["turn_id"]), []).append(frame)
        news = []
        for (debate_id, turn_id), frames in by_turn.items():
            known = self._debates.get(debate_id, {}).get(turn_id)
            length = len(frames[-1].data.get("text", ""))
            if known is None or not known.known or known.length < length:
                news += frames
        return news

    def _extend(self, frame: Frame) -> None:
        turns = self._debates.get(frame.debate_id, {})
        turn = turns.get(frame.data["turn_id"])
        if turn is None or not turn.known:
            return
        text: str = frame.data["text"]
        total = sum(other.length for other in turns.values()) + len(text)
        if frame.data["offset"] != turn.length or total > MAX_CHARACTERS:
            turn.known, turn.pieces, turn.length = False, [], 0
            return
        turn.pieces.append(text)
        turn.length += len(text)
        turn.last = frame


def _with_data(frame: Frame, changes: Mapping[str, Any]) -> Frame:
    return replace(frame, data={**frame.data, **changes}, _body="")
