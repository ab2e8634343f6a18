"""Forming an answer from a reading, and weighing what others quote against it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from debates.engine.types import Brief, Objection, Peer, Position
from debates.providers.extractive import stances, text
from debates.providers.extractive.index import Passage, similarity
from debates.providers.extractive.personas import Persona
from debates.providers.extractive.reading import Reading

EVEN = 0.03
"""Answers whose evidence differs by less than this share are balanced: it depends."""
DEPENDS_WEIGHT = 0.5
"""A condition says less than a reason, so it counts by half."""
SMOOTHING = 0.25
"""Added to the weight of each answer, so that little evidence gives little confidence."""
LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.05, 0.95
CITED_SIMILARITY = 0.3

_QUOTED = re.compile(r"“([^“”]+)”|\"([^\"]+)\"")
_CITED = re.compile(r"([^.\n\[]{20,400})\[(\w{1,9})\]")


@dataclass(frozen=True, slots=True)
class Stand:
    """An answer, what carries it, and what stands against it."""

    answer: str
    quotes: tuple[Passage, ...]
    confidence: float
    against: Passage | None = None
    pro: int = 0
    """Passages looked at that speak for the answer."""
    contra: int = 0


@dataclass(frozen=True, slots=True)
class Challenge:
    """Quoted evidence for another answer than the reader's own."""

    answer: str
    passage: Passage
    strength: float
    letter: str
    """Of the peer; "" for an objection."""


def form(reading: Reading, persona: Persona) -> Stand:
    """The answer that a persona takes from the documents on its own."""
    if not reading.passages:
        return Stand(stances.SILENT, (), LEAST_CONFIDENCE)
    if reading.question.is_open:
        best, *rest = reading.pool(persona)
        return Stand(best.text, (best, *rest[:1]), confidence_in(reading, best.text, persona))
    return stand_for(reading, persona, _weightiest(reading, persona))


def stand_for(
    reading: Reading, persona: Persona, answer: str, *, must_quote: Passage | None = None
) -> Stand:
    """The case for a given answer of a closed question, as a persona would make it."""
    pool = reading.pool(persona)
    taken = frozenset({must_quote.place}) if must_quote else frozenset()
    quotes = reading.best_for(answer, persona, count=1 if must_quote else 2, without=taken)
    if must_quote:
        quotes.insert(0, must_quote)
    if answer == stances.DEPENDS and len(quotes) < 2:
        quotes += [
            passage
            for option in reading.question.options
            for passage in reading.best_for(
                option, persona, without=frozenset(quote.place for quote in quotes)
            )
        ]
    return Stand(
        answer=answer,
        quotes=tuple(quotes or pool[:1]),
        confidence=confidence_in(reading, answer, persona),
        against=_strongest_against(reading, persona, answer),
        pro=sum(answer in reading.support(passage) for passage in pool),
        contra=sum(
            bool(leaning := reading.support(passage)) and answer not in leaning for passage in pool
        ),
    )


def _strongest_against(reading: Reading, persona: Persona, answer: str) -> Passage | None:
    others = [option for option in reading.question.options if option != answer]
    if answer == stances.DEPENDS:
        return None
    found = [passage for other in others for passage in reading.best_for(other, persona)]
    return max(found, key=lambda p: (reading.weight(p, persona), -p.place), default=None)


def _totals(reading: Reading, persona: Persona) -> Mapping[str, float]:
    """The weight of the evidence for each answer over the pool of a persona."""
    totals = dict.fromkeys((*reading.question.options, stances.DEPENDS), 0.0)
    for passage in reading.pool(persona):
        for answer, lean in reading.support(passage).items():
            factor = DEPENDS_WEIGHT if answer == stances.DEPENDS else 1.0
            totals[answer] += reading.weight(passage, persona) * lean * factor
    return totals


def _weightiest(reading: Reading, persona: Persona) -> str:
    totals = dict(_totals(reading, persona))
    depends = totals.pop(stances.DEPENDS)
    (answer, first), (_, second) = sorted(totals.items(), key=lambda item: -item[1])[:2]
    if first <= depends or first - second < EVEN * (first + second):
        return stances.DEPENDS
    return answer


def confidence_in(reading: Reading, answer: str, persona: Persona) -> float:
    """The share of the evidence that speaks for the answer, smoothed, in [0.05, 0.95]."""
    if reading.question.is_open:
        pool = reading.pool(persona)[:4]
        total = sum(reading.weight(passage, persona) for passage in pool)
        own = sum(reading.weight(passage, persona) for passage in pool if passage.text == answer)
        share = (own + SMOOTHING) / (total + 2 * SMOOTHING)
    else:
        totals = _totals(reading, persona)
        share = (totals.get(answer, 0.0) + SMOOTHING) / (
            sum(totals.values()) + SMOOTHING * len(totals)
        )
    return round(min(MOST_CONFIDENCE, max(LEAST_CONFIDENCE, share)), 2)


# --- What others quote -------------------------------------------------------------------------


def quotations(reading: Reading, *texts: str) -> list[Passage]:
    """The passages that are quoted in what somebody wrote, each once, in their order.

    A citation without a quotation stands for the passage of that document that is most like the
    words before it, if any is."""
    found: dict[int, Passage] = {}
    for written in texts:
        if whole := reading.index.find(written):
            found.setdefault(whole.place, whole)
        for match in _QUOTED.finditer(written):
            if passage := reading.index.find(match.group(1) or match.group(2)):
                found.setdefault(passage.place, passage)
    if not found:
        for written in texts:
            for match in _CITED.finditer(written):
                if passage := _most_like(reading, match.group(1), match.group(2)):
                    found.setdefault(passage.place, passage)
    return list(found.values())


def _most_like(reading: Reading, claim: str, label: str) -> Passage | None:
    spoken = Passage(-1, -1, "", claim, "", frozenset(text.terms(claim)))
    near = [passage for passage in reading.passages if passage.label == label]
    best = max(near, key=lambda p: (similarity(spoken, p), -p.place), default=None)
    return best if best and similarity(spoken, best) >= CITED_SIMILARITY else None


def case_of(reading: Reading, answer: str, rationale: str) -> tuple[str, ...]:
    """What an answer is to be judged by: its reasons; in an open question, where it is a sentence
    of the documents, itself."""
    if reading.question.is_open and quotations(reading, answer):
        return (answer,)
    return (answer, rationale)


def own_strength(reading: Reading, own: Position) -> tuple[Passage | None, float]:
    """The best passage that the agent's standing answer rests on, and what it is worth."""
    answer = stances.stance_of(reading.question, own.answer)
    case = case_of(reading, own.answer, own.rationale)
    return _best(reading, answer, quotations(reading, *case))


def _best(reading: Reading, answer: str, quoted: Iterable[Passage]) -> tuple[Passage | None, float]:
    best = max(quoted, key=lambda p: (reading.strength(p, answer), -p.place), default=None)
    return best, reading.strength(best, answer) if best else 0.0


def challenges(brief: Brief, reading: Reading) -> list[Challenge]:
    """Evidence quoted by peers and objections for another answer, the strongest first."""
    own = stances.stance_of(reading.question, brief.own.answer) if brief.own else ""
    found = [challenge for peer in brief.peers if (challenge := _of_peer(reading, own, peer))]
    for objection in brief.objections:
        found += _of_objection(reading, own, objection)
    return sorted(found, key=lambda c: (-c.strength, c.passage.place, c.letter))


def _of_peer(reading: Reading, own: str, peer: Peer) -> Challenge | None:
    answer = stances.stance_of(reading.question, peer.answer)
    if answer in (own, stances.SILENT):
        return None
    case = case_of(reading, peer.answer, peer.rationale)
    # What speaks for the reader's own answer is no evidence for another, whoever quotes it.
    quoted = [p for p in quotations(reading, *case) if own not in reading.support(p)]
    best, strength = _best(reading, answer, quoted)
    return Challenge(answer, best, strength, peer.letter) if best else None


def _of_objection(reading: Reading, own: str, objection: Objection) -> list[Challenge]:
    found = []
    for passage in quotations(reading, objection.text, *objection.issues):
        if reading.question.is_open:
            if passage.text != own:
                found.append(Challenge(passage.text, passage, reading.score(passage), ""))
            continue
        for answer in reading.support(passage):
            if answer != own:
                strength = reading.strength(passage, answer)
                found.append(Challenge(answer, passage, strength, ""))
    return found


def counter(
    reading: Reading, persona: Persona, answer: str, against: Passage, without: frozenset[int]
) -> Passage | None:
    """The sentence to hold against a quotation: for the answer, near in subject, and strong as the
    persona weighs it."""
    pool = [
        passage
        for passage in reading.pool(persona) + reading.best_for(answer, persona, count=6)
        if passage.place not in without
        and passage.place != against.place
        and reading.strength(passage, answer) > 0.0
        and (reading.question.is_open or answer in reading.support(passage))
    ]
    return max(
        pool,
        key=lambda p: (
            reading.worth(p, answer, persona) * (0.5 + similarity(p, against)),
            -p.place,
        ),
        default=None,
    )
