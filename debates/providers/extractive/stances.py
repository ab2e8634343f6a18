"""What a question can be answered with, and which answer a sentence speaks for.

"Should …?" is answered with Yes, No or It depends; "A or B …?" with A, B or It depends; any other
question with a sentence, word for word. So equal stances are equal answers, and agents that come
to agree are seen to agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from debates.engine.positions import NOT_SAID, is_abstention
from debates.providers.extractive import actions, cues, text
from debates.providers.extractive.index import Passage

YES, NO, DEPENDS = "Yes", "No", "It depends"
SILENT = NOT_SAID
"""The answer when no sentence speaks to the question."""

_AUXILIARIES = (
    "should|is|are|was|were|do|does|did|can|could|will|would|has|have|had|may|might|must|shall|"
    "am|isn't|aren't|shouldn't|don't|doesn't|ought"
)
_CLOSED = re.compile(rf"(?:^|[,:]\s+)(?:{_AUXILIARIES})\b", re.IGNORECASE)
_WH = re.compile(r"^\W*(?:what|which|who|whom|whose|when|where|why|how)\b", re.IGNORECASE)
_MOTION = re.compile(r"^(?:resolved\b|this house\b)|\b(?:should|must|ought to)\b", re.IGNORECASE)
_OR = re.compile(r"\s*,?\s+(?:or|vs|versus)\s+(?:rather\s+|instead\s+)?", re.IGNORECASE)
_OR_NOT = re.compile(r"\s*,?\s+or\s+(?:not|no)\b[^?]*", re.IGNORECASE)
_VERSUS = re.compile(r"\bvs\.", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])(?![.!?。！？])")
LONGEST_CHOICE = 300
"""Characters of a question that names alternatives; in a longer one, "or" means anything."""
# An option ends, reading to the left or to the right, where one of these stands.
_BEFORE = text.word_set(
    "a an the to with of for in on at as and we i you they it one us our your their should would "
    "could can will do does did is are was were be use using choose pick prefer adopt buy take "
    "start begin build run hire either between better best whether have has get go keep write that "
    "this by from into than"
)
_AFTER = text.word_set(
    "for in on at as when if while during by from to than of with and we is are was were be do "
    "does make makes give gives work works offer offers have has better best more first"
)
WEAK = 0.5
"""Blame below this is too little to count for the alternatives that a sentence does not name."""
_COMPARED = (("compared", "with"), ("compared", "to"), ("relative", "to"))
_ARTICLES = text.word_set("a an the to with by use using")
_ENDING = frozenset(
    text.terms(
        "abolish ban stop end drop forbid prohibit remove scrap quit leave avoid close cancel "
        "reject abandon repeal eliminate outlaw"
    )
)
_FOR = re.compile(
    r"^(?:for|pro|pros)\b|\b(?:in favou?r|speaks? for|advantages?|benefits?|strengths?|"
    r"case for|arguments? for|supporters?)\b",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"^(?:against|con|cons|contra)\b|\b(?:against|drawbacks?|disadvantages?|weakness(?:es)?|risks?|"
    r"objections?|critic(?:s|ism)|case against|problems?)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\b(?:depends?|open questions?|conditions?|unclear|caveats?)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:depends? on|only if|only when|provided that|unless|condition on which|case by case)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as an extractive agent understands it."""

    options: tuple[str, ...] = ()
    """The answers in question; (Yes, No), or the alternatives; empty for an open question."""
    option_terms: tuple[frozenset[str], ...] = ()
    """What names each alternative in a text; empty for Yes and No."""
    ending: bool = False
    """The question is whether to end something: praise of the thing then speaks for No."""

    @property
    def is_open(self) -> bool:
        return not self.options

    def has(self, answer: str) -> bool:
        """Whether the answer is one of those in question, or that it depends."""
        return not self.is_open and answer in (*self.options, DEPENDS)

    @property
    def is_choice(self) -> bool:
        return bool(self.option_terms)


@lru_cache(maxsize=256)
def understand(question: str) -> Question:
    """Read the last thing that is asked; a statement with "should" counts as asked."""
    folded = _VERSUS.sub("versus", " ".join(question.split()))
    parts = _SENTENCE_END.split(folded)
    asked = [part for part in parts if part.endswith(("?", "？"))]
    sentence = (asked[-1] if asked else folded).strip(" ?？")
    closed = _OR_NOT.sub("", sentence)
    if closed == sentence and len(sentence) <= LONGEST_CHOICE and (choice := _choice(sentence)):
        return choice
    is_closed = _CLOSED.search(closed) or (not asked and _MOTION.search(closed))
    if _WH.match(closed) and not re.search(rf"[,:]\s+(?:{_AUXILIARIES})\b", closed, re.IGNORECASE):
        return Question()
    if is_closed:
        return Question((YES, NO), ending=bool(set(text.terms(closed)) & _ENDING))
    return Question()


def _choice(sentence: str) -> Question | None:
    """The alternatives of "A or B"; None when they cannot be told apart."""
    *_, named = sentence.rpartition(":")
    after_colon = named != sentence
    *left, right = _OR.split(named)
    if not left or (_WH.match(named) and not after_colon and "," not in named):
        return None
    if not after_colon and actions.is_action(_head_of_action(right)):
        return _actions(left, right)
    listed = [part for segment in left for part in segment.split(",") if part.strip()]
    before = listed if after_colon else [tail for part in listed if (tail := _tail(part))]
    options = [*before, _head(right)]
    labels = [_label(option) for option in options]
    named_by = [frozenset(text.terms(label)) for label in labels]
    shared = frozenset.intersection(*named_by)
    named_by = [terms - shared for terms in named_by]
    if len(set(labels)) != len(labels) or not all(named_by) or max(map(len, labels)) > 60:
        return None
    return Question(tuple(labels), tuple(named_by))


def _head_of_action(right: str) -> str:
    return right.strip().removeprefix("to ").removeprefix("just ")


def _actions(left: list[str], right: str) -> Question:
    """The alternatives where the last is a thing to do; open when the others are not known to be:
    better no pair than a wrong one."""
    found = actions.actions(left, right)
    named_by = actions.named_by(found) if found else []
    labels = [_label(option) for option in found or ()]
    labels = [label[:1].upper() + label[1:] for label in labels]
    if not all(named_by) or len(set(labels)) != len(labels):
        return Question()
    return Question(tuple(labels), tuple(named_by))


def _tail(part: str) -> str:
    """The last words of what stands before "or"."""
    kept: list[str] = []
    for word in reversed(part.split()):
        if word.lower().strip(",") in _BEFORE or len(kept) == 3:
            break
        kept.insert(0, word)
    return " ".join(kept)


def _head(part: str) -> str:
    """The first words of what stands after "or"."""
    kept: list[str] = []
    for word in part.split():
        bare = word.lower().strip(",;")
        if not kept and bare in _ARTICLES:
            continue
        if bare in _AFTER or len(kept) == 4:
            break
        kept.append(word.rstrip(",;"))
        if word != word.rstrip(",;"):
            break
    return " ".join(kept)


def _label(option: str) -> str:
    found = option.strip(" ,;.").split()
    while found and found[0].lower() in _ARTICLES:
        found = found[1:]
    label = " ".join(found)
    return label[:1].upper() + label[1:] if label.islower() else label


def stance_of(question: Question, answer: str) -> str:
    """Which of the question's answers an answer comes to; the answer itself when to none.

    Other agents answer in sentences of their own: the first word, or the one alternative that is
    named, counts."""
    folded = " ".join(answer.split())
    lowered = folded.lower()
    if is_abstention(folded):
        return SILENT
    if question.is_open:
        return folded
    if lowered.startswith(DEPENDS.lower()):
        return DEPENDS
    if question.is_choice:
        present = frozenset(text.terms(folded))
        named = _named(question, present)
        return named[0] if len(named) == 1 else folded
    return next(
        (option for option in question.options if re.match(rf"{option}\b", folded, re.IGNORECASE)),
        folded,
    )


def praise(passage: Passage) -> float:
    """Whether a passage praises (> 0) or blames (< 0) what it is about."""
    return float(_side(passage.heading)) or cues.features(passage.text).polarity


def support(question: Question, passage: Passage) -> Mapping[str, float]:
    """How far a passage speaks for each answer, in [0, 1]; answers it does not touch are left out.

    A heading such as "Against" or "For a monolith" says more than the words below it."""
    if question.is_open:
        return {}
    polarity = cues.features(passage.text).polarity
    if _OPEN.search(passage.heading) or _CONDITION.search(passage.text):
        return {DEPENDS: 0.8}
    return (
        _choice_support(question, passage, polarity)
        if question.is_choice
        else _closed_support(question, passage, polarity)
    )


def _closed_support(question: Question, passage: Passage, polarity: float) -> Mapping[str, float]:
    if question.ending and not _ENDING & passage.terms:
        polarity = -polarity
    side = _side(passage.heading)
    lean = 0.75 * side + 0.25 * (side * abs(polarity)) if side else polarity
    return _signed(YES, NO, lean)


def _side(heading: str) -> int:
    """1 under a heading that announces reasons for, -1 for reasons against, else 0."""
    if not heading:
        return 0
    return -1 if _AGAINST.search(heading) else int(bool(_FOR.search(heading)))


def _choice_support(question: Question, passage: Passage, polarity: float) -> Mapping[str, float]:
    headed = _named(question, frozenset(text.terms(passage.heading)))
    side = _side(passage.heading)
    if len(headed) == 1 and side:
        return _for_option(question, headed[0], side * (0.75 + 0.25 * abs(polarity)))
    named = _named(question, passage.terms) or (headed if len(headed) == 1 else [])
    if not named:
        return {}
    if len(named) > 1:
        # "A is simpler than B", "Compared with B, A is simpler": the sentence is about the one that
        # is named first and not as a measure for the other.
        named = [min(named, key=lambda option: _first_mention(question, option, passage.text))]
    if side >= 0 and -WEAK < polarity < 0:
        return {}
    return _for_option(question, named[0], -abs(polarity) if side < 0 else polarity)


def _named(question: Question, present: frozenset[str]) -> list[str]:
    """The alternatives of whose words at least two thirds are there."""
    return [
        option
        for option, terms in zip(question.options, question.option_terms, strict=True)
        if 3 * len(terms & present) >= 2 * len(terms)
    ]


def _first_mention(question: Question, option: str, sentence: str) -> int:
    """At which word; behind all words where it is only what another is compared with."""
    wanted = question.option_terms[question.options.index(option)]
    words = text.words(sentence)
    at = next((at for at, word in enumerate(words) if text.stem(word) in wanted), 0)
    before = tuple(words[max(0, at - 2) : at])
    is_measure = before[-1:] in (("than",), ("unlike",)) or before in _COMPARED
    return at + is_measure * len(words)


def _for_option(question: Question, option: str, lean: float) -> Mapping[str, float]:
    """Praise speaks for the option, blame a little less for each of the others."""
    if lean > 0:
        return {option: lean}
    if lean < 0:
        return {other: -lean * 0.8 for other in question.options if other != option}
    return {}


def _signed(positive: str, negative: str, lean: float) -> Mapping[str, float]:
    if lean == 0:
        return {}
    return {positive: lean} if lean > 0 else {negative: -lean}
