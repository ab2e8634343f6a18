"""What the positions of a debate rest on: the passages that they quote and cite."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypedDict

from debates.engine.codec import decode_reply
from debates.engine.types import Position, Revision
from debates.models import Debate, Document, Turn
from debates.streaming.envelope import timestamp

_CITATION = re.compile(r"\[(\d{1,4}|M\d{1,2})\]")
"""Of a document, or of what was recalled; as the page links them."""
_QUOTED = re.compile(r"[“\"]([^“”\"]{1,4000})[”\"][,.]?\s*\[(\d{1,4}|M\d{1,2})\]")
_LEFT_OUT = re.compile(r"…|\.\.\.")
_AROUND = ' \t\n,;:“”"'
_INNER_MARKS = str.maketrans('“”„"«»‘’', "'" * 8, "*_`")
"""Agents write single ones within a quotation; markup is no word."""
_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Of scripts that set no spaces between words, from Thai to Chinese."""
_LETTERS = re.compile(rf"[^\W{_UNSPACED}]*")
"""What goes on with a word, in scripts that set them apart."""


class CitedDocument(TypedDict):
    number: int
    title: str
    source: str


class Evidence(TypedDict):
    """One thing that one position rests on."""

    agent: str
    round: int
    phase: str
    answer: str
    """What it was brought forward for."""
    quote: str | None
    """The words that were quoted, or that stand for evidence without a citation."""
    citation: str | None
    """As it was written: [3] for a document, [M1] for what was recalled."""
    document: CitedDocument | None
    """None where the citation leads to no document that the debate had."""
    verbatim: bool | None
    """Whether the quoted words stand in the document, none of them cut; None where nothing can be
    compared."""
    timestamp: str


def debate_evidence(debate: Debate) -> list[Evidence]:
    """The evidence in the order in which it was brought forward, also while the debate runs. At
    most three queries."""
    found = list(_found(Turn.objects.filter(debate=debate, reply__isnull=False).order_by("index")))
    numbers = {int(key) for _, _, _, key in found if key and key.isdecimal()}
    documents = _documents(debate, numbers)
    return [
        Evidence(
            agent=turn.agent,
            round=turn.round,
            phase=turn.phase,
            answer=position.answer,
            quote=quote,
            citation=f"[{key}]" if key else None,
            document=_cited(documents, key),
            verbatim=_is_verbatim(quote, documents.get(key or "")),
            timestamp=timestamp(turn.created_at),
        )
        for turn, position, quote, key in found
    ]


def _found(turns: Iterable[Turn]) -> Iterator[tuple[Turn, Position, str | None, str | None]]:
    for turn in turns:
        reply = decode_reply(turn.reply or {})
        position = reply.position if isinstance(reply, Revision) else reply
        if isinstance(position, Position):
            for quote, key in _passages(position):
                yield turn, position, quote, key


def _passages(position: Position) -> Iterable[tuple[str | None, str | None]]:
    """What a position quotes, with the key of the citation behind it, each once. What is only cited
    has no quote, what is given without a source no key."""
    text = f"{position.rationale}\n{position.answer}"
    found: dict[tuple[str | None, str | None], None] = dict.fromkeys(_QUOTED.findall(text))
    cited = _CITATION.findall(text)
    for item in position.evidence:
        keys = _CITATION.findall(item)
        cited += keys
        words = _CITATION.sub("", item).strip(_AROUND)
        if any(map(str.isalnum, words)):
            found.update(dict.fromkeys((words, key) for key in keys or (None,)))
    quoted = {key for _, key in found}
    found.update(dict.fromkeys((None, key) for key in cited if key not in quoted))
    return found


def _documents(debate: Debate, numbers: Collection[int]) -> Mapping[str, Document]:
    """Those with these numbers by what they are cited as: the debate's own, or those of the corpus
    for a panel that argues from it."""
    if not numbers:
        return {}
    rows = Document.objects.filter(number__in=numbers)
    found = list(rows.filter(debate=debate))
    has_none = not found and not debate.documents.exists()
    if has_none and not all(spec["is_language_model"] for spec in debate.panel):
        found = list(rows.filter(debate=None))
    return {str(document.number): document for document in found}


def _cited(documents: Mapping[str, Document], key: str | None) -> CitedDocument | None:
    document = documents.get(key or "")
    if document is None:
        return None
    return CitedDocument(number=document.number, title=document.title, source=document.source)


def _is_verbatim(quote: str | None, document: Document | None) -> bool | None:
    if quote is None or document is None:
        return None
    pieces = [_bare(piece) for piece in _LEFT_OUT.split(quote) if any(map(str.isalnum, piece))]
    if not pieces:
        return None
    text, at = _bare(document.text), 0
    for piece in pieces:
        at = _find_words(text, piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def _find_words(text: str, piece: str, at: int) -> int:
    """Where the piece stands from `at` on, with no word cut at its ends; -1 where it does not."""
    while (at := text.find(piece, at)) >= 0:
        if not _is_within_word(text, at) and not _is_within_word(text, at + len(piece)):
            return at
        # It cannot begin in what is left of this word: of a long one, every letter might be tried.
        at = max(at + 1, _end_of_word(text, at))
    return -1


def _is_within_word(text: str, at: int) -> bool:
    return at > 0 and _end_of_word(text, at - 1) > at


def _end_of_word(text: str, at: int) -> int:
    found = _LETTERS.match(text, at)
    return found.end() if found else at


def _bare(text: str) -> str:
    """The words of a text, without its markup and its kinds of spaces and quotation marks."""
    return " ".join(text.translate(_INNER_MARKS).split())
