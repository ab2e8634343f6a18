"""Extractive agents as a provider: words at a readable pace, no key, no network, no price."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from django.conf import settings

from debates.engine import replies
from debates.engine.types import Call, Usage
from debates.providers.base import AgentSpec, Completion, Delta, Reachability
from debates.providers.extractive.balloting import fill_form
from debates.providers.extractive.composing import compose

MODEL = "extractive (not a language model)"
SECONDS_A_PIECE = 0.05
"""Pieces this far apart read as steady typing; smaller ones only cost frames."""
INLINE_CHARACTERS = 20_000
"""Up to here reading takes a few milliseconds; longer documents are read in a thread."""

Result = TypeVar("Result")

_WORD = re.compile(r"\s*\S+\s*")


class ExtractiveProvider:
    """A `Provider` whose agents select and weigh sentences of the documents."""

    def __init__(
        self,
        words_per_second: float | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """At the pace of the settings unless another is given."""
        self._words_per_second = words_per_second
        self._sleep = sleep

    @property
    def words_per_second(self) -> float:
        """The pace; 0 to say everything at once."""
        if self._words_per_second is not None:
            return self._words_per_second
        pace: float = settings.ARAGORA.extractive_words_per_second
        return pace

    async def stream(self, spec: AgentSpec, call: Call) -> AsyncGenerator[Delta | Completion, None]:
        text = await _off_loop(_say, call)
        pace = self.words_per_second
        words = max(1, round(pace * SECONDS_A_PIECE)) if pace else 0
        for number, piece in enumerate(pieces(text, words)):
            if number:
                await self._sleep(words / pace)
            yield Delta(piece)
        yield _completion(text)

    async def choose(self, spec: AgentSpec, call: Call) -> Completion:
        form = await _off_loop(fill_form, call)
        return _completion(json.dumps(form, ensure_ascii=False), form)

    async def check(self, spec: AgentSpec) -> Reachability:
        return Reachability(True, "built in; not a language model", (MODEL,))


def pieces(text: str, words: int) -> Iterator[str]:
    """The text in pieces of so many words; in one piece for 0. Joined, they are the text."""
    if not words:
        yield text
        return
    found = [match.group() for match in _WORD.finditer(text)]
    for start in range(0, len(found), words):
        yield "".join(found[start : start + words])


def _say(call: Call) -> str:
    return replies.write(call, compose(call))


async def _off_loop(work: Callable[[Call], Result], call: Call) -> Result:
    """Run `work` where it does not hold up the event loop."""
    if reads_long(call):
        return await asyncio.to_thread(work, call)
    return work(call)


def reads_long(call: Call) -> bool:
    """Whether there is so much to read that the event loop would feel it."""
    documents = sum(len(document.text) for document in call.brief.documents)
    return documents + len(call.brief.context) > INLINE_CHARACTERS


def _completion(text: str, data: dict[str, Any] | None = None) -> Completion:
    """Without usage: tokens are a language model's, and these words cost nothing."""
    return Completion(text, Usage(), finish_reason="stop", model=MODEL, data=data)
