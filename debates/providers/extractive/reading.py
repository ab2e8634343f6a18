"""A question read against the documents: what is quotable, and what it is worth.

The published score of a passage, in [0, 1]:

    score = R · (1 + 0.30·figures + 0.15·reasoned + 0.15·tried − 0.25·hedged) · L / 1.6

R is BM25 relevance (see `index`) divided by the highest of the debate, and at least 0.3 of that of
a neighbouring sentence, and 0.1 in a short text about the question; for a closed question its
square root, lest the sentence win that repeats the question's words. The features are those of
`cues.features`, 1 or 0; L is 0.85 for a passage of more than 45 or fewer than 8 words, else 1.
A persona multiplies this by its own factors when it forms an answer. Agents compare one another's
quotations by the published score alone, so that a change of mind can be checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nlargest

from debates.engine.types import Brief, Document
from debates.providers.extractive import cues, stances, text
from debates.providers.extractive.corpus import CORPUS
from debates.providers.extractive.index import Index, IndexCache, Passage, Source, choose_diverse
from debates.providers.extractive.personas import READER, Persona

CONTEXT_LABEL = "context"
CONTEXT_READ, CONTEXT_TERMS = 2000, 40
"""So many characters of the context, and so many terms of it, widen the question."""
CONTEXT_WEIGHT = 0.3
GIVEN_SHARE, GIVEN_LEAST = 0.34, 1
CORPUS_SHARE, CORPUS_LEAST = 0.6, 2
"""How much of the question a text must mention to be about it. The corpus, which nobody chose for
this question, must mention more, and only its closest texts are taken."""
NAMED_SHARE = 0.67
"""How much of an alternative's name a given text must mention to be about the choice."""
NEIGHBOUR_SHARE = 0.3
"""Of its relevance, what a sentence lends to those beside it."""
SHORT_TEXT, SHORT_TEXT_SHARE = 60, 0.1
"""In a text about the question with no more sentences than this, each is a little relevant."""
MOST_PASSAGES = 400
"""Of a long document, no more than this are weighed."""
_NOT_QUOTED = ("Question: ", "Because: ", "An argument that changed a mind: ")
POOL = 12
"""Passages that an answer is formed from."""

_cache = IndexCache()


def sources_of(brief: Brief) -> tuple[Source, ...]:
    """What may be quoted: the documents, the context, what is remembered, and the demo corpus where
    it is not among the documents already."""
    given = [Source(str(item.number), item.title, item.text) for item in brief.documents]
    if brief.context.strip():
        given.append(Source(CONTEXT_LABEL, "", brief.context))
    given += [Source(item.label, "", _quotable(item.text)) for item in brief.recalled]
    taken = {source.label for source in given}
    corpus = [Source(str(item.number), item.title, item.text) for item in CORPUS]
    return (*given, *(source for source in corpus if source.label not in taken))


def _quotable(remembered: str) -> str:
    """What was remembered, but for the line that repeats what was asked then, which would match the
    question best of all and say nothing, and for the reasons of that debate: they quote what was
    said already, and would count as evidence once more."""
    lines = remembered.splitlines()
    return "\n".join(line for line in lines if not line.startswith(_NOT_QUOTED))


def read(brief: Brief) -> Reading:
    """The brief's question, read against its sources."""
    sources = sources_of(brief)
    index = _cache.get(sources)
    asked = frozenset(text.terms(brief.question))
    in_corpus = {str(item.number) for item in CORPUS if _is_corpus(item, brief)}
    question = stances.understand(brief.question)
    about = set(index.sources_about(asked, share=GIVEN_SHARE, least=GIVEN_LEAST))
    for named_by in question.option_terms:
        # A text about one of the alternatives speaks to the choice, whatever else is asked.
        about |= set(index.sources_about(named_by, share=NAMED_SHARE, least=GIVEN_LEAST))
    chosen = frozenset(number for number in about if sources[number].label not in in_corpus)
    if not chosen:
        close = index.sources_about(asked, share=CORPUS_SHARE, least=CORPUS_LEAST)
        corpus = {n: found for n, found in close.items() if sources[n].label in in_corpus}
        closest = max(corpus.values(), default=0)
        chosen = frozenset(number for number, found in corpus.items() if found == closest)
    query = dict.fromkeys(asked, 1.0)
    # What people say is heard like the context: it may turn the search, no more.
    said = (heard.text for heard in brief.heard)
    hints = text.terms(" ".join((brief.context[:CONTEXT_READ], *said)))
    for term in hints[:CONTEXT_TERMS]:
        query.setdefault(term, CONTEXT_WEIGHT)
    relevance = _spread(index, index.rank(query, chosen), chosen)
    return Reading(question, index, relevance)


def _spread(
    index: Index, relevance: Mapping[int, float], chosen: frozenset[int]
) -> Mapping[int, float]:
    """Relevance, lent to the sentences before and after, and a little to all of a short text.

    "It would cost more." speaks to the question although it repeats none of its words."""
    lent = dict(relevance)
    for place, value in relevance.items():
        for near in (place - 1, place + 1):
            if 0 <= near < len(index.passages) and _together(index, near, place):
                lent[near] = max(lent.get(near, 0.0), NEIGHBOUR_SHARE * value)
    for number in chosen if relevance else ():
        places = index.places_of(number)
        if len(places) <= SHORT_TEXT:
            for place in places:
                lent[place] = max(lent.get(place, 0.0), SHORT_TEXT_SHARE)
    return lent


def _together(index: Index, one: int, other: int) -> bool:
    """Whether two passages stand in the same text under the same heading."""
    first, second = index.passages[one], index.passages[other]
    return (first.source, first.heading) == (second.source, second.heading)


def _is_corpus(item: Document, brief: Brief) -> bool:
    """A document of the brief that bears a corpus number counts as corpus if it is the corpus's."""
    return all(
        document.number != item.number or document.title == item.title
        for document in brief.documents
    )


@dataclass(frozen=True)
class Reading:
    """What the sources have to say to one question."""

    question: stances.Question
    index: Index
    relevance: Mapping[int, float]
    """By place in the index; only passages that match."""
    _scores: dict[int, float] = field(default_factory=dict)
    _supports: dict[int, Mapping[str, float]] = field(default_factory=dict)
    _pools: dict[str, list[Passage]] = field(default_factory=dict)

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """What matches best, as it is read."""
        best = nlargest(MOST_PASSAGES, self.relevance.items(), key=lambda item: (item[1], -item[0]))
        return tuple(self.index.passages[place] for place, _ in sorted(best))

    def score(self, passage: Passage) -> float:
        """The published score."""
        known = self._scores.get(passage.place)
        if known is None:
            known = self._scores[passage.place] = self._score(passage)
        return known

    def _score(self, passage: Passage) -> float:
        found = cues.features(passage.text)
        quality = 1.0 + 0.30 * found.figures + 0.15 * found.reasoned + 0.15 * found.tried
        quality -= 0.25 * found.hedged
        length = 1.0 if 8 <= found.length <= 45 else 0.85
        relevance = self.relevance.get(passage.place, 0.0)
        if not self.question.is_open:
            relevance = math.sqrt(relevance)
        return relevance * quality * length / 1.6

    def weight(self, passage: Passage, persona: Persona) -> float:
        """The published score as a persona takes it.

        For an open question the factors count by their square root: there the passage is the
        answer, and has to speak to the question before it suits the reader."""
        found = cues.features(passage.text)
        lean = self.lean(passage)
        factor = persona.favourable if lean > 0 else 1.0
        factor *= persona.unfavourable if lean < 0 else 1.0
        factor *= persona.figures if found.figures else 1.0
        factor *= persona.hedged if found.hedged else 1.0
        factor *= persona.tried if found.tried else 1.0
        return self.score(passage) * (math.sqrt(factor) if self.question.is_open else factor)

    def lean(self, passage: Passage) -> float:
        """Whether a passage speaks for (> 0) or against (< 0) what is proposed: Yes; in a choice,
        the alternative for which the documents have most; in an open question, its own subject."""
        if self.question.is_open:
            return stances.praise(passage)
        leaning = self.support(passage)
        proposed = leaning.get(self.proposed, 0.0)
        return proposed - max(
            leaning.get(option, 0.0) for option in self.question.options if option != self.proposed
        )

    @cached_property
    def proposed(self) -> str:
        """The answer that an advocate would speak for."""
        options = self.question.options
        if not self.question.is_choice:
            return options[0]
        totals = dict.fromkeys(options, 0.0)
        for passage in choose_diverse(self.passages, self.score, POOL):
            for option in options:
                totals[option] += self.strength(passage, option)
        return max(options, key=lambda option: totals[option])

    def support(self, passage: Passage) -> Mapping[str, float]:
        """How far the passage speaks for each answer of a closed question."""
        known = self._supports.get(passage.place)
        if known is None:
            known = self._supports[passage.place] = stances.support(self.question, passage)
        return known

    def strength(self, passage: Passage, answer: str) -> float:
        """The published score of a passage as evidence for an answer.

        For an open question, and for an answer of somebody else's making, the score itself."""
        leaning = self.support(passage)
        if not self.question.has(answer):
            return self.score(passage)
        if answer == stances.DEPENDS:
            return self.score(passage) * leaning.get(answer, 0.4)
        return self.score(passage) * leaning.get(answer, 0.0)

    def worth(self, passage: Passage, answer: str, persona: Persona) -> float:
        """The strength of a passage as evidence for an answer, as a persona takes it."""
        score = self.score(passage)
        if not score:
            return 0.0
        return self.weight(passage, persona) * self.strength(passage, answer) / score

    def pool(self, persona: Persona = READER) -> list[Passage]:
        """The passages that a persona forms its answer from."""
        if persona.key not in self._pools:
            self._pools[persona.key] = choose_diverse(
                self.passages, lambda passage: self.weight(passage, persona), POOL
            )
        return self._pools[persona.key]

    def best_for(
        self,
        answer: str,
        persona: Persona = READER,
        *,
        count: int = 1,
        without: frozenset[int] = frozenset(),
    ) -> list[Passage]:
        """The best passages for an answer as a persona weighs them, without those places."""

        def worth(passage: Passage) -> float:
            return self.worth(passage, answer, persona)

        fit = [
            passage
            for passage in self.passages
            if passage.place not in without
            and self.strength(passage, answer) > 0.0
            and (answer != stances.DEPENDS or answer in self.support(passage))
        ]
        return choose_diverse(fit, worth, count)
