"""The words of a query that say something. Pure: no Django."""

from __future__ import annotations

import math
import re
from functools import lru_cache

MOST_TERMS = 24
_WORD = re.compile(r"\w+")
_PARTICLES_OF_ENGLISH = """
a about after all also am an and any are as at be because been before being between both but by can
could did do does doing don for from further had has have having he her here his how i if in into is
it its just me more most my no nor not now of off on once only or other our out over own same she
should so some such than that the their them then there these they this those through to too under
until up us very was we were what when where which while who whom why will with would you your
"""
_PARTICLES = frozenset(_PARTICLES_OF_ENGLISH.split())
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ers", "er", "ed", "es", "s", "y", "e")


def terms(text: str) -> list[str]:
    """The distinct words of a text that are no particles, in order, lowercase."""
    found = dict.fromkeys(word for word in _WORD.findall(text.lower()) if word not in _PARTICLES)
    return list(found)[:MOST_TERMS] or list(dict.fromkeys(_WORD.findall(text.lower())))[:MOST_TERMS]


def coverage(query: str, text: str) -> float:
    """The share of the query's terms that a text mentions, from 0 to 1; forms of one word are
    one."""
    asked = _stems(query)
    if not asked:
        return 0.0
    said = text.lower()
    return sum(one in said and _mentions(said, one) for one in asked) / len(asked)


def tokens_of(text: str) -> int:
    """Tokens of a text, on the high side, as the engine estimates them."""
    wide = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - len(text)
    return math.ceil((len(text) / 4.0 + wide) * 1.25)


def _mentions(said: str, wanted: str) -> bool:
    """Whether a form of it is among the words. A word begins with its stem, so that the others need
    not be looked at."""
    start = said.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not start or not _is_of_a_word(said[start - 1]):
            while end < len(said) and _is_of_a_word(said[end]):
                end += 1
            if stem(said[start:end]) == wanted:
                return True
        start = said.find(wanted, end)
    return False


def _is_of_a_word(character: str) -> bool:
    """As `_WORD` has it."""
    return character.isalnum() or character == "_"


@lru_cache(maxsize=1000)
def _stems(query: str) -> frozenset[str]:
    return frozenset(stem(term) for term in terms(query))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """What forms of a word have in common, roughly."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
