"""From a text to sentences and words, without a model.

A sentence is kept word for word; only its white space is folded. English is read best; other
languages work by their words alone, Chinese, Japanese and Korean by pairs of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_SENTENCE = 320
"""Characters; what is longer is cut at a line, a semicolon or a space."""
MIN_WORDS = 3
"""A fragment of fewer words is no evidence."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_BREAK = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|[。！？]\s*")
_BULLET = re.compile(r"\s*(?:[-*+•–]|\d{1,3}[.)])\s+")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")
_RULE = re.compile(r"\s*(?:[-=*_~]{3,}|`{3}.*)\s*$")
_LAST_WORD = re.compile(r"([^\W\d_][\w.]*)\.$")
_SEPARATORS = (",", ";", "\t", "|")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def word_set(listed: str) -> frozenset[str]:
    """Words that are listed with spaces between them."""
    return frozenset(listed.split())


_ABBREVIATIONS = word_set(
    "mr mrs ms dr prof st vs etc approx fig no vol pp ca cf eg ie e.g i.e u.s u.k jan feb mar apr "
    "aug sept oct nov dec inc ltd co al"
)
STOP_WORDS = word_set(
    "a about above after again all also am an and any are as at be because been before being below "
    "between both but by can could did do does doing down during each either few for from further "
    "had has have having he her here hers him his how i if in into is it its itself just let may "
    "me might more most must my no nor not of off on once one only or other our ours out over own "
    "rather same shall she should so some such than that the their theirs them then there these "
    "they this those through to too under until up upon us very was we were what when where "
    "whether which while who whom whose why will with within without would yes you your yours "
    "better best good make makes made use used using get first"
)
_SUFFIXES = ("ations", "ation", "ating", "ated", "ates", "ate", "ions", "ion", "ing", "ed")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A quotable piece of a text, and the heading it stands under ("" for none)."""

    text: str
    heading: str


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a text in their order; headings and fragments are left out."""
    heading = ""
    for block, is_heading in _blocks(text):
        if is_heading:
            heading = " ".join(block.split())
            continue
        if _is_table(block):
            # The first row names the columns: it is to the others what a heading is.
            columns, *rows = (" ".join(row.split()) for row in block.split("\n"))
            yield from (Sentence(row[:MAX_SENTENCE], columns) for row in rows)
            continue
        for piece in _pieces(block):
            folded = " ".join(piece.split())
            if _is_evidence(folded):
                yield Sentence(folded, heading)


def terms(text: str) -> list[str]:
    """Stems of the content words, in their order, with repetitions."""
    found: list[str] = []
    for match in _WORD.finditer(text.lower()):
        word = match.group()
        if _CJK.match(word):
            found.extend(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        elif word not in STOP_WORDS:
            found.append(stem(word))
    return found


def words(text: str) -> list[str]:
    """All words in lower case, with the ASCII apostrophe."""
    return [match.group().replace("’", "'") for match in _WORD.finditer(text.lower())]


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """A word without its commonest English endings: plural, -ing, -ed, -ate, -ation.

    Weaker than Porter's stemmer on purpose: what is quoted must be seen to match."""
    word = word.replace("’", "'").split("'", 1)[0]
    if len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            word = word[: -len(suffix)]
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """Paragraphs, list items and headings: (text, whether it is a heading)."""
    lines: list[str] = []
    in_item = False
    for line in text.splitlines():
        starts_item = _BULLET.match(line)
        heading = _HEADING.match(line)
        is_rule = _RULE.match(line)
        if lines and (starts_item or heading or is_rule or not line.strip()):
            yield "\n".join(lines), not in_item and _is_heading(lines)
            lines = []
        if heading:
            yield line[heading.end() :].rstrip(" #"), True
        elif starts_item:
            lines, in_item = [line[starts_item.end() :]], True
        elif line.strip() and not is_rule:
            in_item = in_item and bool(lines)
            lines.append(line)
    if lines:
        yield "\n".join(lines), not in_item and _is_heading(lines)


def _is_heading(lines: list[str]) -> bool:
    """Whether a paragraph is one short line that does not end like a sentence."""
    line = lines[0].strip()
    short = len(lines) == 1 and len(line) <= 60 and len(line.split()) <= 8
    return short and line[-1:] not in '.!?…;,。！？)"”' and "," not in line


def _is_table(block: str) -> bool:
    """Whether every line has the same number, two or more, of one separator."""
    lines = block.split("\n")
    return len(lines) > 1 and any(
        lines[0].count(mark) > 1 and len({line.count(mark) for line in lines}) == 1
        for mark in _SEPARATORS
    )


def _pieces(block: str) -> Iterator[str]:
    start = 0
    for match in _BREAK.finditer(block):
        if _ends_sentence(block, start, match):
            yield from _cut(block[start : match.end()])
            start = match.end()
    yield from _cut(block[start:])


def _ends_sentence(block: str, start: int, match: re.Match[str]) -> bool:
    following = block[match.end() : match.end() + 1]
    if following.islower():
        return False
    if match.group()[0] != ".":
        return True
    word = _LAST_WORD.search(block, max(start, match.start() - 20), match.start() + 1)
    return word is None or not (len(word.group(1)) == 1 or word.group(1).lower() in _ABBREVIATIONS)


def _cut(piece: str) -> Iterator[str]:
    """The piece, in parts when it is longer than `MAX_SENTENCE`."""
    piece = piece.strip()
    start = 0
    while len(piece) - start > MAX_SENTENCE:
        window = piece[start : start + MAX_SENTENCE]
        at = max(window.rfind("\n"), window.rfind("; ") + 1)
        if at < MAX_SENTENCE // 4:
            at = window.rfind(" ")
        if at <= 0:
            at = MAX_SENTENCE
        yield window[:at]
        start += at
    yield piece[start:]


def _is_evidence(text: str) -> bool:
    """Enough words to say something, and not a question."""
    if text.rstrip("\"'”’»)]*_").endswith(("?", "？")):
        return False
    return text.count(" ") + 1 >= MIN_WORDS or bool(_CJK.search(text))
