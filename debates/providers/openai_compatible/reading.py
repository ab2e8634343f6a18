"""What a chat completion says, as it comes over the wire. Pure.

Read from plain JSON: a model streams tens of tokens a second, and building the client libraries'
objects for each of them took ten times as long as reading it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from debates.engine.types import Usage
from debates.providers.language_model import Heard

DONE = b"[DONE]"
MAX_LINE = 4_194_304
"""Bytes; a server that sends a longer one is not speaking this dialect."""

_FINISH_REASONS = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
    "content_filter": "content_filter",
}
Tags = tuple[str, str]


class Events:
    """Takes bytes as they come and gives the data of each event that is complete.

    https://html.spec.whatwg.org/multipage/server-sent-events.html, without the lone CR as a line's
    end, which nobody sends."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Raises ValueError for a line that does not end."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise ValueError("a line is too long")
        for line in (line.removesuffix(b"\r") for line in lines):
            if not line:
                if self._data:
                    yield b"\n".join(self._data)
                    self._data.clear()
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))


class ErrorSaid(Exception):
    """The server reports an error in the place of an answer. `body` is its own."""

    def __init__(self, body: Any) -> None:
        super().__init__("the server sent an error")
        self.body = body

    @property
    def message(self) -> str:
        words = self.body.get("message") if isinstance(self.body, Mapping) else None
        return words if isinstance(words, str) and words else "An error in the place of an answer"


class StreamedAnswer:
    """An answer in chunks."""

    def __init__(self, thinking_tags: Tags) -> None:
        self._opening, self._closing = thinking_tags
        self._thinks = False
        self._pieces: list[str] = []
        self._usage = Usage()
        self._finish_reason: str | None = None
        self._model = ""

    def take(self, data: bytes) -> str:
        """The text that a chunk brings; empty for thinking and for the stream's own bookkeeping.

        Raises `ErrorSaid`, and ValueError or another error of its kind for what is no chunk."""
        chunk = _object(from_json(data))
        if error := chunk.get("error"):
            raise ErrorSaid(error)
        self._model = chunk.get("model") or self._model
        if usage := chunk.get("usage"):
            self._usage = _usage(usage)
        choices = chunk.get("choices")
        if not choices:
            return ""
        choice = choices[0]
        if reason := choice.get("finish_reason"):
            self._finish_reason = self._finish_reason or _FINISH_REASONS.get(reason)
        delta = choice.get("delta") or {}
        if delta.get("refusal"):
            self._finish_reason = "content_filter"
            return ""
        text = self._spoken(_text(delta.get("content")))
        if text:
            self._pieces.append(text)
        return text

    def _spoken(self, text: str) -> str:
        """Without thinking, whose tags are tokens of their own, and blanks before the answer."""
        if self._thinks:
            self._thinks = text != self._closing
            return ""
        if text == self._opening:
            self._thinks = True
            return ""
        return text if self._pieces or text.strip() else ""

    def heard(self) -> Heard:
        """All of it, at the end of the stream."""
        return Heard("".join(self._pieces), self._finish_reason, self._usage, self._model)


def whole_answer(data: bytes, thinking_tags: Tags) -> Heard:
    """An answer in one piece: the form that was filled in, or words. A server that does not say
    why it stopped has stopped.

    Raises `ErrorSaid`, and ValueError or another error of its kind for what is no answer."""
    body = _object(from_json(data))
    if error := body.get("error"):
        raise ErrorSaid(error)
    choice = body["choices"][0]
    message, model = _object(choice["message"]), body.get("model") or ""
    said = choice.get("finish_reason")
    reason = _FINISH_REASONS.get(said) if said else "stop"
    if message.get("refusal"):
        reason = "content_filter"
    usage = _usage(body.get("usage") or {})
    for asked in message.get("tool_calls") or ():
        written = asked["function"]["arguments"]
        text = written if isinstance(written, str) else json.dumps(written)
        return Heard(text, reason, usage, model, data=_filled_in(text))
    opening, closing = map(re.escape, thinking_tags)
    text = re.sub(f"{opening}.*?{closing}", "", _text(message.get("content")), flags=re.DOTALL)
    return Heard(text.lstrip(), reason, usage, model)


def _filled_in(text: str) -> Mapping[str, Any] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _text(content: Any) -> str:
    """Some servers send text in a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(
        part if isinstance(part, str) else part.get("text") or ""
        for part in content
        if isinstance(part, str) or part.get("type") == "text"
    )


def _usage(said: Mapping[str, Any]) -> Usage:
    return Usage(said.get("prompt_tokens") or 0, said.get("completion_tokens") or 0)
