"""Finding the sentences that speak to a question.

Relevance is BM25 (Robertson and Zaragoza 2009, doi 10.1561/1500000019) with the words of a
sentence's heading and of its document's title counted for less, as BM25F counts fields
(Robertson, Zaragoza and Taylor 2004, doi 10.1145/1031171.1031181):

    score(s, q) = Σ_t idf(t) · tf(t)·(k1 + 1) / (tf(t) + k1·(1 − b + b·|s|/avg))
    idf(t)      = ln(1 + (N − n(t) + 0.5) / (n(t) + 0.5))
    tf(t)       = count in the sentence + 0.5 in its heading + 0.3 in its title

Redundancy is held down by maximal marginal relevance (Carbonell and Goldstein 1998,
doi 10.1145/290941.291025): choose next  argmax λ·score − (1 − λ)·max similarity to the chosen.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from debates.providers.extractive import text

K1, B = 1.2, 0.75
HEADING_WEIGHT, TITLE_WEIGHT = 0.5, 0.3
MMR_LAMBDA = 0.7
BRIEF_LENGTH = 60
"""Characters of a sentence that is only recalled."""
_INNER_MARKS = str.maketrans('“”„"', "‘’‚'")
LEAST_QUOTED = 20
"""Characters below which a part of a sentence does not tell which one is meant."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text that may be quoted. `label` is what stands in the brackets of a citation."""

    label: str
    title: str
    text: str


def quoted(sentence: str) -> str:
    """A sentence as it stands between quotation marks: its own become single ones, so that no text
    can close the quotation and go on in the agent's name."""
    return sentence.translate(_INNER_MARKS)


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of a source. `place` orders passages as they are read."""

    place: int
    source: int
    label: str
    text: str
    heading: str
    terms: frozenset[str]

    @property
    def cited(self) -> str:
        """“The sentence.” [n]"""
        return f"“{quoted(self.text)}” [{self.label}]"

    @property
    def cited_briefly(self) -> str:
        """“The first words of the …” [n], for a sentence that was quoted in full before."""
        if len(self.text) <= BRIEF_LENGTH + 20:
            return self.cited
        start = quoted(self.text[:BRIEF_LENGTH])
        words, _, _ = start.rpartition(" ")
        return f"“{words or start} …” [{self.label}]"


class Index:
    """The sentences of some sources, ready to be ranked. Immutable once built."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.passages: list[Passage] = []
        self._counts: dict[str, dict[int, int]] = {}
        self._lengths: list[int] = []
        self._headings: dict[str, list[int]] = {}
        self._by_source: list[list[int]] = []
        self._vocabularies: list[set[str]] = []
        self._titles = [frozenset(text.terms(source.title)) for source in sources]
        self._by_text: dict[str, Passage] = {}
        interned: dict[str, str] = {}
        for number, source in enumerate(sources):
            self._by_source.append([])
            self._vocabularies.append(set(self._titles[number]))
            for sentence in text.sentences(source.text):
                self._add(number, source.label, sentence, interned)
        self._average = sum(self._lengths) / max(1, len(self._lengths)) or 1.0

    def _add(
        self, number: int, label: str, sentence: text.Sentence, interned: dict[str, str]
    ) -> None:
        place = len(self.passages)
        found = [interned.setdefault(term, term) for term in text.terms(sentence.text)]
        passage = Passage(place, number, label, sentence.text, sentence.heading, frozenset(found))
        self.passages.append(passage)
        self._lengths.append(len(found))
        self._by_source[number].append(place)
        self._by_text.setdefault(quoted(passage.text), passage)
        for term, count in Counter(found).items():
            self._counts.setdefault(term, {})[place] = count
        heading = frozenset(text.terms(sentence.heading)) if sentence.heading else frozenset()
        for term in heading:
            self._headings.setdefault(term, []).append(place)
        self._vocabularies[number] |= passage.terms | heading

    def sources_about(
        self, wanted: frozenset[str], *, share: float, least: int
    ) -> Mapping[int, int]:
        """Sources in which at least `least` and at least `share` of the wanted terms occur, with
        the number of those."""
        if not wanted:
            return {}
        need = max(min(least, len(wanted)), math.ceil(share * len(wanted)))
        return {
            number: found
            for number, vocabulary in enumerate(self._vocabularies)
            if (found := len(wanted & vocabulary)) >= need
        }

    def places_of(self, source: int) -> Sequence[int]:
        """The places of a source's passages."""
        return self._by_source[source]

    def rank(self, query: Mapping[str, float], sources: frozenset[int]) -> dict[int, float]:
        """Places of the passages that match, with their BM25 scores divided by the highest.

        `query` maps terms to weights; only passages of `sources` are looked at."""
        scores: dict[int, float] = {}
        for term, weight in sorted(query.items()):
            counts = self._counts.get(term, {})
            idf = math.log(1 + (len(self.passages) - len(counts) + 0.5) / (len(counts) + 0.5))
            for place, frequency in self._frequencies(term, counts, sources).items():
                length = 1 - B + B * self._lengths[place] / self._average
                gain = idf * frequency * (K1 + 1) / (frequency + K1 * length)
                scores[place] = scores.get(place, 0.0) + weight * gain
        highest = max(scores.values(), default=0.0)
        if highest <= 0.0:
            return {}
        return {place: score / highest for place, score in scores.items() if score > 0.0}

    def _frequencies(
        self, term: str, counts: Mapping[int, int], sources: frozenset[int]
    ) -> dict[int, float]:
        found: dict[int, float] = {
            place: float(count)
            for place, count in counts.items()
            if self.passages[place].source in sources
        }
        for place in self._headings.get(term, ()):
            if self.passages[place].source in sources:
                found[place] = found.get(place, 0.0) + HEADING_WEIGHT
        for number in sources:
            if term in self._titles[number]:
                for place in self._by_source[number]:
                    found[place] = found.get(place, 0.0) + TITLE_WEIGHT
        return found

    def find(self, quotation: str) -> Passage | None:
        """The passage that is quoted, whole or in part; None for words that are not in there."""
        folded = quoted(" ".join(quotation.split())).removesuffix("…").rstrip()
        if passage := self._by_text.get(folded):
            return passage
        if len(folded) < LEAST_QUOTED:
            return None
        rare = min((self._counts.get(term, {}) for term in text.terms(folded)), key=len, default={})
        found = (self.passages[place] for place in rare)
        return next((passage for passage in found if folded in quoted(passage.text)), None)


def similarity(one: Passage, other: Passage) -> float:
    """Shared terms by the cosine of their sets, in [0, 1]."""
    if not one.terms or not other.terms:
        return 0.0
    return len(one.terms & other.terms) / math.sqrt(len(one.terms) * len(other.terms))


def choose_diverse(
    passages: Iterable[Passage], score: Callable[[Passage], float], count: int
) -> list[Passage]:
    """Up to `count` passages by maximal marginal relevance, the best first."""
    left = sorted(passages, key=lambda passage: (-score(passage), passage.place))
    # Only the head of the list can win: what lies below it is less relevant at any similarity.
    left = left[: max(50, 4 * count)]
    chosen: list[Passage] = []
    while left and len(chosen) < count:
        best = max(
            left,
            key=lambda passage: (
                MMR_LAMBDA * score(passage)
                - (1 - MMR_LAMBDA)
                * max((similarity(passage, other) for other in chosen), default=0.0),
                -passage.place,
            ),
        )
        chosen.append(best)
        left.remove(best)
    return chosen


PASSAGE_SIZE = 200
"""What a passage takes in memory besides its characters, roughly in characters."""


class IndexCache:
    """Indexes of the debates that run now, bounded by the size of what they hold; the newest always
    stays.

    Several agents ask for the same documents at once: each index is built once. Safe to use from
    threads."""

    def __init__(self, max_size: int = 8_000_000) -> None:
        self._max_size = max_size
        self._indexes: OrderedDict[tuple[Source, ...], Index] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sources: tuple[Source, ...]) -> Index:
        """The index over the sources, built when it is not there."""
        with self._lock:
            index = self._indexes.get(sources)
            if index is None:
                index = self._indexes[sources] = Index(sources)
            self._indexes.move_to_end(sources)
            while len(self._indexes) > 1 and self._size() > self._max_size:
                self._indexes.popitem(last=False)
            return index

    def _size(self) -> int:
        return sum(
            sum(len(source.text) for source in sources) + PASSAGE_SIZE * len(index.passages)
            for sources, index in self._indexes.items()
        )
