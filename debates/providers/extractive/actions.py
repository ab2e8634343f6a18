"""Alternatives that are things to do: "rewrite the importer or refactor it".

Each is named by its whole verb phrase, never by a bare object. Verbs are told by their place, by
the article or pronoun behind them, and by a list that is the project's own."""

from __future__ import annotations

import re

from debates.providers.extractive import text

LONGEST = 80
"""Characters of an alternative; what is longer is no name for an answer."""
_VERBS = text.word_set(
    "abandon accept add adopt allow ask ban begin borrow build buy cancel choose close continue "
    "deploy develop drive drop expand extend fix fly go hire improve install invest invite join "
    "keep launch leave maintain merge migrate modernise modernize move open outsource pay "
    "postpone refactor reject remain remove renovate rent repair replace restructure rewrite save "
    "sell split start stay stop switch upgrade wait walk"
)
_GENERAL = frozenset(
    text.terms("keep stay remain move switch go stick start begin continue choose adopt")
)
"""Verbs that name no alternative where there are other words."""
_THINGS = text.word_set("it them this that these those")
_ARTICLES = text.word_set("a an the our my your their his her its") | _THINGS
_ASKED = re.compile(
    r"\b(?:should|shall|must|can|could|would|will|do|did|may|might)\s+(?:we|i|you|they|one)\s+"
    r"(?:(?:really|now|rather|just|still|better|either|first)\s+)?|"
    r"\b(?:better|best|wiser|safer|cheaper|wise|want|need|ought)\s+to\s+",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:to|and|rather|instead|just)\s+", re.IGNORECASE)
_ENDS = re.compile(r"\s*(?:[,;:—–(]|\b(?:when|while|if|because|given|considering)\b).*$")


def is_action(phrase: str) -> bool:
    """Whether words begin with a verb in its base form."""
    first, *rest = phrase.split() or [""]
    if first != first.lower() or first in _ARTICLES:
        return False
    return first in _VERBS or (bool(rest) and rest[0].lower() in _ARTICLES)


def actions(left: list[str], right: str) -> list[str] | None:
    """The alternatives of "left or right"; None when they are not all told to be things to do."""
    joined = ", ".join(left)
    starts = [match.end() for match in _ASKED.finditer(joined)]
    kept = joined[starts[-1] :] if starts else joined
    first, *others = [_phrase(part) for part in kept.split(",") if part.strip()] or [""]
    last = _phrase(_ENDS.sub("", right))
    found = [first, *others, last]
    if not first or not (starts or is_action(first)):
        return None
    if not all(is_action(one) or one in _VERBS for one in found[1:]):
        return None
    return found if max(map(len, found)) <= LONGEST else None


def _phrase(part: str) -> str:
    return _LEADING.sub("", part.strip(" ,;."))


def named_by(found: list[str]) -> list[frozenset[str]]:
    """What names each in a text: its verb where all act on one thing, else its words but for
    verbs such as "keep" and "move"."""
    verbs = [frozenset(text.terms(one.split()[0])) for one in found]
    shared = any(len(one.split()) == 1 or _THINGS & set(one.lower().split()) for one in found)
    if shared and all(verbs) and len(set(verbs)) == len(verbs):
        return verbs
    terms = [frozenset(text.terms(one)) for one in found]
    both = frozenset.intersection(*terms)
    if not all(own - both - _GENERAL for own in terms):
        return [own - both for own in terms]
    return [own - both - _GENERAL for own in terms]
