"""Whether documents fit the context of a panel: asked before any money is spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from debates.engine.budget import estimate_tokens, prompt_tokens
from debates.engine.types import Brief, Call, CallKey, Peer, Phase, Position, Setup
from debates.exceptions import InvalidInput
from debates.providers.base import AgentSpec

POSITION_TOKENS = 300
"""What an answer with its reasons commonly takes."""
SHOWN_POSITIONS = 3
"""An agent's own and two peers'."""

EDIT_CONTEXT = "If a model reads more than that, raise its agent's context tokens in the admin."


class Text(Protocol):
    """A document in any of its forms: given, stored, or the engine's."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


def fit_documents(*, documents: Sequence[Text], context_tokens: int) -> None:
    """Raise `InvalidInput` about `documents`, saying by how much, if they need more room than
    there is. Tokens are estimated on the high side."""
    needed = sum(estimate_tokens(f"{document.title}\n{document.text}") for document in documents)
    if needed <= context_tokens:
        return
    message = (
        f"The documents are about {needed - context_tokens:,} tokens too long: they need about "
        f"{needed:,}, and this panel has room for {max(0, context_tokens):,}. Give fewer or "
        f"shorter documents, or choose agents with a longer context. {EDIT_CONTEXT}"
    )
    raise InvalidInput(message, fields=(("documents", message),))


def fit_setup(*, setup: Setup, specs: Iterable[AgentSpec]) -> None:
    """Raise `InvalidInput` if the documents of a debate do not fit the smallest context of its
    panel and judge, beside the question, what agents quote of one another, and their answers; or
    if the question and its context are too long already.

    Agents that are no language models read documents of any length."""
    models = [spec for spec in specs if spec.is_language_model]
    if not models:
        return
    _fit_question(setup, models)
    if setup.documents:
        room = min(_room(setup, spec) for spec in models)
        fit_documents(documents=setup.documents, context_tokens=room)


def _fit_question(setup: Setup, models: Iterable[AgentSpec]) -> None:
    """The first prompt fits without documents, whatever room it leaves for an answer."""
    brief = Brief(question=setup.question, context=setup.context, documents=(), persona="")
    needed = prompt_tokens(Call(CallKey(0, Phase.DRAFT, ""), brief, 0))
    room = min(spec.context_tokens for spec in models)
    if needed <= room:
        return
    field = "context" if setup.context else "question"
    message = (
        f"The {field} is about {needed - room:,} tokens too long for this panel. Shorten it, or "
        f"choose agents with a longer context. {EDIT_CONTEXT}"
    )
    raise InvalidInput(message, fields=((field, message),))


def _room(setup: Setup, spec: AgentSpec) -> int:
    """Tokens left for documents in an exchange, the phase in which an agent reads most."""
    empty = Position("", "", 0.0)
    brief = Brief(
        question=setup.question,
        context=setup.context,
        documents=(),
        persona=spec.persona,
        own=empty,
        peers=(Peer("A", "", ""), Peer("B", "", "")),
    )
    call = Call(CallKey(1, Phase.EXCHANGE, spec.name), brief, spec.max_output_tokens)
    # What an agent may write at most, for thinking above all, can be as much as its whole context.
    written = min(spec.max_output_tokens, spec.context_tokens // 4)
    return spec.context_tokens - (prompt_tokens(call) + SHOWN_POSITIONS * POSITION_TOKENS + written)
