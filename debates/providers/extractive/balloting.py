"""How extractive agents vote and judge: by a published score over the candidates.

    score(c) = Σ of the two best passages that c's case quotes and that speak for c, as a persona
               weighs them (a judge: by the published score alone), and 1 + firmness times that for
               the voter's own answer, whose case is also what the voter itself quotes for it

A passage counts as far as it speaks for c, so a case gains nothing by what it quotes against
itself. To quote both sides is no evidence that it depends. "It depends" scores by the rule by which
drafts come to it: half of the two best conditions quoted on the ballot; or, where the two sides'
two best passages there differ by less than 3 % of their sum, as much as the better side. An answer
that is none of those in question counts by 0.4, since nothing tells which side its quotations take.

So an agent votes against its own standing answer only where another's evidence is better by more
than its firmness, and then its reason says so with both figures. Candidates are ranked by score;
ties go to the voter's own answer, then by the ids, never by the order on the ballot. Approved is
what scores at least 0.75 of the best.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from debates.engine.positions import candidate_id
from debates.engine.types import Call, Choice, Phase
from debates.providers.extractive import stances
from debates.providers.extractive.arguments import (
    DEPENDS_WEIGHT,
    EVEN,
    MOST_CONFIDENCE,
    case_of,
    quotations,
)
from debates.providers.extractive.index import Passage
from debates.providers.extractive.personas import READER, Persona, persona_for
from debates.providers.extractive.reading import Reading, read

APPROVED = 0.75
COUNTED = 2
"""Passages of a case that count: more of them are no better evidence."""
NO_SIDE = 0.4
LONGEST_NAME = 48
"""Characters by which an answer is named in a reason."""


@dataclass(frozen=True, slots=True)
class Case:
    """A candidate as a voter sees it."""

    choice: Choice
    score: float
    quotes: tuple[Passage, ...]
    """What the score rests on, the best first."""
    is_own: bool


def fill_form(call: Call) -> dict[str, Any]:
    """The form of a VOTE or JUDGE call, as a mapping (`engine.replies.form_for`)."""
    reading = read(call.brief)
    judging = call.key.phase is Phase.JUDGE
    persona = READER if judging else persona_for(call.brief.persona)
    cases = sorted(
        _cases(call, reading, persona),
        key=lambda case: (-case.score, not case.is_own, case.choice.candidate),
    )
    best = cases[0]
    reason = _reason(cases)
    if judging:
        return {"reason": reason, "choice": best.choice.letter}
    total = sum(case.score for case in cases)
    return {
        "reason": reason,
        "ranking": [case.choice.letter for case in cases],
        "approved": [case.choice.letter for case in cases if case.score >= APPROVED * best.score],
        "confidence": round(
            min(MOST_CONFIDENCE, (best.score + 0.1) / (total + 0.1 * len(cases))), 2
        ),
    }


def _cases(call: Call, reading: Reading, persona: Persona) -> list[Case]:
    own = call.brief.own if call.key.phase is Phase.VOTE else None
    own_id = candidate_id(own.answer) if own else None
    quoted: dict[str, list[Passage]] = {}
    for choice in call.brief.choices:
        case = case_of(reading, choice.answer, choice.rationale)
        if own and choice.candidate == own_id:
            case = (*case, *case_of(reading, own.answer, own.rationale))
        quoted[choice.letter] = quotations(reading, *case)
    table = list({p.place: p for passages in quoted.values() for p in passages}.values())
    found = []
    for choice in call.brief.choices:
        answer = stances.stance_of(reading.question, choice.answer)
        if answer == stances.DEPENDS and reading.question.has(answer):
            score, quotes = _conditions(reading, persona, table)
        else:
            score, quotes = _evidence(reading, persona, answer, quoted[choice.letter])
            if not reading.question.is_open and not reading.question.has(answer):
                score *= NO_SIDE
        is_own = choice.candidate == own_id
        if is_own:
            score *= 1 + persona.firmness
        found.append(Case(choice, score, tuple(quotes), is_own))
    return found


def _evidence(
    reading: Reading, persona: Persona, answer: str, quoted: Iterable[Passage]
) -> tuple[float, list[Passage]]:
    """What is quoted for an answer is worth, and the passages that make it up."""
    worth = {passage.place: reading.worth(passage, answer, persona) for passage in quoted}
    speaking = [passage for passage in quoted if worth[passage.place] > 0.0]
    best = sorted(speaking, key=lambda p: (-worth[p.place], p.place))[:COUNTED]
    return sum(worth[passage.place] for passage in best), best


def _conditions(
    reading: Reading, persona: Persona, table: list[Passage]
) -> tuple[float, list[Passage]]:
    """The same for "It depends", from everything that is quoted on the ballot."""
    conditions = [p for p in table if stances.DEPENDS in reading.support(p)]
    score, quotes = _evidence(reading, persona, stances.DEPENDS, conditions)
    score *= DEPENDS_WEIGHT
    sides = sorted(
        (_evidence(reading, persona, option, table) for option in reading.question.options),
        key=lambda side: -side[0],
    )
    (first, for_first), (second, for_second) = sides[:2]
    if first - second < EVEN * (first + second) and first > score:
        return first, [*for_first[:1], *for_second[:1]]
    return score, quotes


def _reason(cases: list[Case]) -> str:
    best, *others = cases
    if not best.quotes:
        return "No candidate quotes a sentence of the documents that speaks for it."
    said = f"{_named(best.choice)} has the best evidence: {best.quotes[0].cited}"
    if any(case.is_own for case in others):
        said = f"I vote against my own answer. {said}"
    if others:
        rest = ", ".join(
            f"{_named(case.choice)}{' (my own)' if case.is_own else ''} {case.score:.2f}"
            for case in others
        )
        said += f" It scores {best.score:.2f}; {rest}."
    return said


def _named(choice: Choice) -> str:
    """The answer in brief: letters mean nothing to those who read the verdict."""
    answer = " ".join(choice.answer.split())
    if len(answer) <= LONGEST_NAME:
        return f"“{answer}”"
    start, _, _ = answer[:LONGEST_NAME].rpartition(" ")
    return f"“{start or answer[:LONGEST_NAME]} …”"
