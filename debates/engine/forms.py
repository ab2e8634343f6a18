"""What agents fill in: ballots and selections, and the numbers that agents state.

Letters are those of `call.brief.choices`; whom they stand for is known here and not to the agent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from debates.engine.types import Ballot, Call, CandidateId, Phase, Selection


class ReplyError(ValueError):
    """The words are not an answer to the call. `str()` tells the agent what to put right."""


@dataclass(frozen=True, slots=True)
class BallotForm:
    """Your ballot: the letters of all candidates, best first; the letters of those that you would
    accept; your confidence from 0 to 1 that your first choice is right."""

    reason: str
    ranking: list[str]
    approved: list[str]
    confidence: float


@dataclass(frozen=True, slots=True)
class SelectionForm:
    """Your judgement: the letter of the one candidate that answers the question best."""

    reason: str
    choice: str


def form_for(phase: Phase) -> type[BallotForm] | type[SelectionForm]:
    """The form of a VOTE or a JUDGE call; other phases have none and raise `KeyError`."""
    return {Phase.VOTE: BallotForm, Phase.JUDGE: SelectionForm}[phase]


# --- Forms -------------------------------------------------------------------------------------

_LETTER = re.compile(
    r"[\W_]*(?:(?:candidate|answer|option|choice)\b[\W_]*)?([A-Z]{1,2})(?:[\W_]*|[:.)]\s.*)",
    re.IGNORECASE | re.DOTALL,
)


def read_form(text: str, data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """`data`, or the JSON object in `text`."""
    if data is not None:
        return data
    try:
        form = json.loads(text[text.find("{") : text.rfind("}") + 1])
    except (ValueError, RecursionError):
        form = None
    if not isinstance(form, dict):
        raise ReplyError("Answer with the form alone, as one JSON object.")
    return form


def read_ballot(call: Call, form: Mapping[str, Any]) -> Ballot:
    """An empty ranking abstains."""
    ranking = _candidates(call, "ranking", form.get("ranking"))
    approved = _candidates(call, "approved", form.get("approved", []))
    return Ballot(
        voter=call.key.agent,
        ranking=ranking,
        approved=frozenset(approved),
        confidence=read_share("confidence", form.get("confidence")),
        reason=_reason(form),
    )


def read_selection(call: Call, form: Mapping[str, Any]) -> Selection:
    (candidate,) = _candidates(call, "choice", [form.get("choice")])
    return Selection(candidate, _reason(form))


def _reason(form: Mapping[str, Any]) -> str:
    return storable(str(form.get("reason") or "")).strip()


def _candidates(call: Call, name: str, letters: object) -> tuple[CandidateId, ...]:
    by_letter = {choice.letter: choice.candidate for choice in call.brief.choices}
    shown = ", ".join(by_letter)
    if not isinstance(letters, (list, tuple)):
        raise ReplyError(f'"{name}" must be a list of letters from {shown}.')
    found: list[CandidateId] = []
    for letter in letters:
        match = _LETTER.fullmatch(letter) if isinstance(letter, str) else None
        candidate = by_letter.get(match[1].upper()) if match else None
        if candidate is None:
            raise ReplyError(
                f'"{name}" names {str(letter)[:20]!r}, which is no candidate. Use {shown}.'
            )
        if candidate in found:
            raise ReplyError(f'"{name}" names {str(letter)[:20]!r} twice. Name each letter once.')
        found.append(candidate)
    return tuple(found)


# --- Numbers -----------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>\d*[.,]?\d+(?:e[+-]?\d+)?)\s*"
    r"(?:(?P<percent>%|percent\b)|(?:/|out of)\s*(?P<of>\d+))?"
)
_IN_WORDS = {
    "very high": 0.95,
    "very low": 0.1,
    "high": 0.85,
    "medium": 0.6,
    "moderate": 0.6,
    "low": 0.3,
}


def read_share(label: str, value: object) -> float:
    """A number in [0, 1] from what an agent may write for one."""
    try:
        share = None if isinstance(value, bool) else _meant(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        share = _share_in_text(str(value))
    if share is None or not 0.0 <= share <= 1.0:
        raise ReplyError(f"{label} must be a number from 0 to 1, such as 0.7.")
    return share


def _share_in_text(text: str) -> float | None:
    """What is written, as a share; perhaps out of range."""
    if match := _NUMBER.search(text):
        if "-" in text[: match.start()]:
            return None
        number = float(match["number"].replace(",", "."))
        if match["percent"]:
            return number / 100
        if match["of"]:
            return number / float(match["of"]) if float(match["of"]) else None
        return _meant(number)
    words = text.casefold()
    return next((share for word, share in _IN_WORDS.items() if word in words), None)


def _meant(number: float) -> float:
    """A number above 10 can only have been meant as a percentage; one from 1 to 10 is anybody's
    guess."""
    return number / 100 if number > 10 else number


# --- Texts -------------------------------------------------------------------------------------


def storable(text: str) -> str:
    """`text` without what databases refuse: NUL, and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()
