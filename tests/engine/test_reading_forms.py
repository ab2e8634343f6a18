"""Ballots and selections, from forms and from JSON in text."""

from collections.abc import Mapping
from typing import Any

import pytest

from debates.engine.replies import BallotForm, ReplyError, SelectionForm, form_for, parse
from debates.engine.types import (
    Ballot,
    Brief,
    Call,
    CallKey,
    CandidateId,
    Choice,
    Phase,
    Selection,
)

FIRST, SECOND, THIRD = (CandidateId(name) for name in ("c1", "c2", "c3"))


def call_of(phase: Phase) -> Call:
    choices = tuple(
        Choice(letter, candidate, candidate, "")
        for letter, candidate in zip("ABC", (SECOND, THIRD, FIRST), strict=True)
    )
    return Call(CallKey(2, phase, "ada"), Brief("?", "", (), "", choices=choices), 100)


FORM = {"reason": "Because.", "ranking": ["C", "A", "B"], "approved": ["C"], "confidence": 0.7}
BALLOT = Ballot("ada", (FIRST, SECOND, THIRD), frozenset({FIRST}), 0.7, "Because.")


def test_letters_are_resolved_through_what_the_voter_was_shown() -> None:
    assert parse(call_of(Phase.VOTE), "", FORM) == BALLOT


@pytest.mark.parametrize(
    "text",
    [
        '{"reason": "Because.", "ranking": ["C", "A", "B"], "approved": ["C"], "confidence": 0.7}',
        'My ballot:\n```json\n{"reason": "Because.", "ranking": ["c", "a.", "Candidate B"], '
        '"approved": ["C: Nile"], "confidence": "70%"}\n```',
    ],
)
def test_a_ballot_may_come_as_json_in_the_text(text: str) -> None:
    assert parse(call_of(Phase.VOTE), text) == BALLOT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranking": ["D"]}, "no candidate. Use A, B, C"),
        ({"ranking": ["A", "A"]}, "twice"),
        ({"approved": ["A", "a"]}, "twice"),
        ({"approved": ["X"]}, "no candidate"),
        ({"ranking": [None]}, "no candidate"),
        ({"ranking": ["Answer"]}, "no candidate"),
        ({"ranking": "A"}, "must be a list"),
        ({"ranking": None}, "must be a list"),
        ({"confidence": 7}, "confidence must be a number"),
        ({"confidence": None}, "confidence must be a number"),
        ({"confidence": True}, "confidence must be a number"),
        ({"confidence": float("nan")}, "confidence must be a number"),
    ],
)
def test_a_form_that_makes_no_sense_is_sent_back(change: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ReplyError, match=message):
        parse(call_of(Phase.VOTE), "", {**FORM, **change})


@pytest.mark.parametrize("text", ["", "C is best", "[1, 2]", '{"ranking": ['])
def test_text_without_a_form_is_sent_back(text: str) -> None:
    with pytest.raises(ReplyError, match="JSON object"):
        parse(call_of(Phase.VOTE), text)


def test_an_empty_ballot_abstains() -> None:
    form = {"reason": "None is right.", "ranking": [], "approved": [], "confidence": 0.1}
    assert parse(call_of(Phase.VOTE), "", form) == Ballot(
        "ada", (), frozenset(), 0.1, "None is right."
    )


def test_a_selection() -> None:
    form = {"reason": "Best.", "choice": "B"}
    assert parse(call_of(Phase.JUDGE), "", form) == Selection(THIRD, "Best.")


@pytest.mark.parametrize("choice", ["D", "", None, ["A", "B"]])
def test_a_selection_names_one_candidate(choice: object) -> None:
    with pytest.raises(ReplyError, match="no candidate"):
        parse(call_of(Phase.JUDGE), "", {"reason": "Best.", "choice": choice})


def test_each_structured_phase_has_a_form() -> None:
    assert form_for(Phase.VOTE) is BallotForm
    assert form_for(Phase.JUDGE) is SelectionForm
