"""What clients may say on a socket. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from debates.canonical import NameTwice, unique_names
from ratelimit.gcra import SECOND, Pace, arrive

MAX_DEPTH = 8
MAX_SEQ = 2**63 - 1
MAX_REFERENCE = 100

MESSAGES_PER_SECOND = 10
MESSAGE_BURST = 20
PACE = Pace(MESSAGES_PER_SECOND, 1, MESSAGE_BURST)
MAX_IGNORED = 40
"""Messages over the rate that are only ignored; after these the socket is closed."""


class BadFrame(Exception):
    """A frame that cannot be used. `code` is stable, `str(error)` says what to send instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Since:
    """What the reader has already."""

    seq: int = 0
    """The last event it has; 0 for none: the whole log is sent."""
    epoch: str = ""
    """The epoch of that seq; empty when the reader does not know."""
    snapshot: bool = False
    """Begin with a snapshot in place of old events."""


@dataclass(frozen=True, slots=True)
class ClientFrame:
    """A frame of a known form: an object with a `type`."""

    type: str
    body: dict[str, Any]

    @property
    def reference(self) -> str:
        """The id or slug of the debate that it is about."""
        return _reference(self.body.get("debate_id") or self.body.get("loop_id"))

    @property
    def is_numbered(self) -> bool:
        """Whether the client of a `subscribe` knows where it is, and will when it comes back."""
        return any(self.body.get(name) for name in ("epoch", "snapshot")) or any(
            name in self.body for name in ("since_seq", "replay_from_seq")
        )

    @property
    def since(self) -> Since:
        """Where a `subscribe` wants to begin."""
        seq = self.body.get("since_seq", self.body.get("replay_from_seq"))
        epoch = self.body.get("epoch")
        if not isinstance(epoch, str | None):
            raise BadFrame("invalid_message", "epoch is the text that came with the events.")
        snapshot = self.body.get("snapshot", False) is True
        return Since(seq=_seq(seq), epoch=epoch or "", snapshot=snapshot)

    def vote(self, *, default_intensity: int) -> tuple[str, int]:
        """The choice and the intensity in a `user_vote`."""
        choice = self._payload.get("choice")
        intensity = self._payload.get("intensity", default_intensity)
        if not isinstance(choice, str):
            raise BadFrame("invalid_message", 'Name an answer: "payload": {"choice": …}.')
        if isinstance(intensity, bool) or not isinstance(intensity, int):
            raise BadFrame("invalid_message", "intensity is a whole number.")
        return choice, intensity

    @property
    def suggestion(self) -> str:
        """The text in a `user_suggestion`."""
        text = self._payload.get("suggestion")
        if not isinstance(text, str):
            raise BadFrame("invalid_message", 'Say it as "payload": {"suggestion": …}.')
        return text

    @property
    def _payload(self) -> dict[str, Any]:
        payload = self.body.get("payload")
        if not isinstance(payload, dict):
            raise BadFrame("invalid_message", 'Send a JSON object as "payload".')
        return payload


def parse(text: str) -> ClientFrame:
    """The frame in a message. Raises `BadFrame`."""
    try:
        body = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=unique_names)
    except RecursionError:
        raise BadFrame("too_deep", f"Nest at most {MAX_DEPTH} levels.") from None
    except NameTwice as error:
        raise BadFrame("invalid_json", f"{error} Send each name once.") from None
    except ValueError:
        raise BadFrame("invalid_json", "Send one JSON object a message.") from None
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise BadFrame("invalid_message", 'Send a JSON object with a "type".')
    if _depth(body) > MAX_DEPTH:
        raise BadFrame("too_deep", f"Nest at most {MAX_DEPTH} levels.")
    return ClientFrame(body["type"], body)


def from_query(query: dict[str, str], path_reference: str = "") -> ClientFrame | None:
    """The subscription in a socket's address; None when it names no debate. Raises `BadFrame`."""
    reference = path_reference or query.get("debate_id") or query.get("loop_id")
    if not reference:
        return None
    body: dict[str, Any] = {"debate_id": reference, "epoch": query.get("epoch", "")}
    seq = query.get("since_seq") or query.get("replay_from_seq")
    if seq:
        body["since_seq"] = int(seq) if seq.isascii() and seq.isdigit() else seq
    return ClientFrame("subscribe", body)


class MessageRate:
    """The pace of the messages of one socket; time is passed in, in seconds."""

    def __init__(self) -> None:
        self._full_at = 0
        self.ignored = 0
        """Messages over the rate, since the last one that was within it."""

    def allows(self, now: float) -> bool:
        """Whether a message that comes now is within the rate."""
        then = arrive(PACE, full_at=self._full_at, now=int(now * SECOND))
        if then is None:
            self.ignored += 1
            return False
        self._full_at = then
        return True

    @property
    def exhausted(self) -> bool:
        """Whether the client has ignored the warnings for too long."""
        return self.ignored > MAX_IGNORED


def _reference(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_REFERENCE:
        raise BadFrame("invalid_message", "Name a debate by its debate_id.")
    return value


def _seq(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEQ:
        raise BadFrame("invalid_message", "since_seq is the seq of the last event you have.")
    return value


def _depth(value: object) -> int:
    """How deep lists and objects are nested, without recursion."""
    level, depth = [value], 0
    while containers := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [
            inner
            for item in containers
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
