"""The texts that a citation leads to: [1] or [106] to a document, [M1] to what was recalled."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Length, Substr

from debates.choices import EventType
from debates.models import Debate, Document
from debates.selectors.transcript import Transcript
from debates.services.documents import CORPUS_SOURCE

CITATION = re.compile(r"\[(\d{1,4})\]")
"""Of a document."""
_CITED = re.compile(r"\[(\d{1,4}|M\d{1,2})\]")
"""The same, or of what was recalled."""
_BARE = re.compile(rf"(?:{_CITED.pattern}[\s,;.]*)+")
"""Citations and nothing else."""
MARKDOWN_SUFFIXES = (".md", ".markdown")
MARKDOWN_CHARACTERS = 100_000
"""Of one page that are set as Markdown; it is made anew for every reader."""
MARKDOWN_CELLS = 5_000
"""Of one text: tables fill up short rows, so that few characters may ask for very many."""
SHOWN_CHARACTERS = 20_000
"""Of one text; a page that carries ten long reports would be slow to open."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that the panel may cite."""

    number: int
    title: str
    origin: str
    """A file name, or empty; never the title over again."""
    text: str
    is_cut: bool
    is_cited: bool
    is_markdown: bool
    """Otherwise it is shown as it was written."""

    @property
    def anchor(self) -> str:
        """The id of its text on the page."""
        return anchor_of(self.number)


@dataclass(frozen=True, slots=True)
class Sources:
    """All that may be cited in a debate, in the order of numbers."""

    documents: tuple[Source, ...]
    from_corpus: bool
    """They are the texts that come with Aragora, and not the debate's own."""
    recalled: frozenset[str] = frozenset()
    """The labels of what the debate was shown of earlier ones."""

    @property
    def citable(self) -> frozenset[int | str]:
        return self.numbers | self.recalled

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(source.number for source in self.documents)

    @property
    def some_cited(self) -> bool:
        return any(source.is_cited for source in self.documents)


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """What a position brings forward; `evidenceOf` in `render.js` tells the same apart."""

    words: tuple[str, ...]
    rests_on: str
    """The citations that came without words and that the position does not name already."""


def evidence_of(position: Mapping[str, Any]) -> EvidenceView:
    """The evidence of a proposal; a revision may have none."""
    said = f"{position['answer']}\n{position['rationale']}"
    words, bare = [], []
    for item in position.get("evidence", ()):
        if _BARE.fullmatch(item.strip()):
            bare += [found[0] for found in _CITED.finditer(item) if found[0] not in said]
        else:
            words.append(item)
    return EvidenceView(tuple(words), ", ".join(dict.fromkeys(bare)))


def anchor_of(key: int | str) -> str:
    """The id on the page of a document, by its number, or of what was recalled, by its label."""
    return f"document-{key}" if isinstance(key, int) else f"recalled-{key}"


def sources_of(debate: Debate, transcript: Transcript) -> Sources:
    """The debate's own documents; without any, the corpus if somebody on the panel argues from
    documents only. At most two queries."""
    cited = frozenset(_numbers_in(transcript["rounds"])) | frozenset(
        _numbers_in(transcript["verdict"])
    )
    own = _read(cited, debate=debate)
    if own or all(spec["is_language_model"] for spec in debate.panel):
        return Sources(own, from_corpus=False, recalled=_labels(transcript))
    corpus = _read(cited, debate=None)
    return Sources(corpus, from_corpus=True, recalled=_labels(transcript))


def _labels(transcript: Transcript) -> frozenset[str]:
    recalls = (note for note in transcript["notes"] if note["type"] == EventType.MEMORY_RECALL)
    return frozenset(entry["label"] for note in recalls for entry in note["data"]["entries"])


def _read(cited: Collection[int], debate: Debate | None) -> tuple[Source, ...]:
    rows = (
        Document.objects.filter(debate=debate)
        .order_by("number")
        .values_list(
            "number", "title", "source", Substr("text", 1, SHOWN_CHARACTERS), Length("text")
        )
    )
    found, left = [], MARKDOWN_CHARACTERS
    for number, title, source, text, length in rows:
        is_markdown = _says_markdown(source, title) and len(text) <= left and not _is_wide(text)
        left -= len(text) if is_markdown else 0
        shown = Source(
            number=number,
            title=title,
            origin="" if debate is None or source == title else source,
            text=text,
            is_cut=length > SHOWN_CHARACTERS,
            is_cited=number in cited,
            is_markdown=is_markdown,
        )
        found.append(shown)
    return tuple(found)


def _says_markdown(source: str, title: str) -> bool:
    names = (source.lower(), title.lower())
    return source == CORPUS_SOURCE or any(name.endswith(MARKDOWN_SUFFIXES) for name in names)


def _is_wide(text: str) -> bool:
    """Whether tables in it might have very many cells."""
    lines = text.split("\n")
    return len(lines) * max(line.count("|") for line in lines) > MARKDOWN_CELLS


def _numbers_in(said: Any) -> Iterator[int]:
    """The citations in all texts of a value made of lists and mappings."""
    if isinstance(said, str):
        yield from map(int, CITATION.findall(said))
    elif isinstance(said, Mapping):
        for value in said.values():
            yield from _numbers_in(value)
    elif isinstance(said, Sequence):
        for value in said:
            yield from _numbers_in(value)


def pieces(text: str, citable: Collection[int | str]) -> Iterator[tuple[str, int | str | None]]:
    """The text in pieces: (words, None), and (citation, key) for each that leads somewhere."""
    at = 0
    for found in _CITED.finditer(text):
        key = int(found[1]) if found[1].isdecimal() else found[1]
        if key not in citable:
            continue
        if found.start() > at:
            yield text[at : found.start()], None
        yield found[0], key
        at = found.end()
    if at < len(text):
        yield text[at:], None
