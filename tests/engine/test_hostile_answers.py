"""Answers that are made to break the reader, or to keep it busy for hours."""

from contextlib import suppress

import pytest

from debates.engine.positions import candidate_id, normalise
from debates.engine.questions import classify
from debates.engine.replies import ReplyError, parse
from debates.engine.types import Brief, Call, CallKey, CandidateId, Choice, Peer, Phase, Position

MANY = 100_000
TEXTS = [
    "{" * MANY,
    '{"a":' * MANY,
    "." * MANY + "x.",
    "!" * MANY,
    "5!" * MANY,
    "\n" * MANY,
    "\n \t>#*_`-" * MANY,
    "```\n" * MANY,
    "``` " * MANY,
    "<think>" * MANY,
    "ANSWER:" * MANY,
    "\nANSWER:" * MANY,
    "\\" * MANY,
    "**" * MANY,
    "\"'" * MANY,
    r"\boxed{" * (MANY // 100) + "x" + "}" * (MANY // 100),
    "1.0" * MANY,
    "1,000" * MANY,
    "because " * MANY,
    "if " * (MANY // 10),
    "½²" * MANY,
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:8]))
def test_long_and_odd_texts_are_read_at_once(text: str) -> None:
    normalise(text)
    classify(text[:10_000])
    for phase in Phase:
        brief = Brief("?", "", (), "", own=Position("x", "y", 0.5), peers=(Peer("A", "x", "y"),))
        call = Call(CallKey(0, phase, "ada"), brief, 100, ("ben",))
        for written in (text, f"REASONING: {text}\nCHANGED: yes\nFAULTY STEP: {text}\nANSWER: x"):
            with suppress(ReplyError):
                parse(call, written)


def test_what_no_database_takes_is_left_out() -> None:
    call = Call(CallKey(0, Phase.DRAFT, "ada"), Brief("?", "", (), ""), 100)
    reply = parse(call, "REASONING: a\0b \ud83d\nANSWER: Nil\ud800e\0\nCONFIDENCE: 0.5")
    assert reply == Position("Nil?e", "ab ?", 0.5)
    choices = (Choice("A", CandidateId("c"), "x", "y"),)
    judge = Call(CallKey(0, Phase.JUDGE, "judy"), Brief("?", "", (), "", choices=choices), 100)
    selection = parse(judge, "", {"choice": "A", "reason": "\0\udfff"})
    assert getattr(selection, "reason", None) == "?"


def test_half_characters_have_a_name_too() -> None:
    assert candidate_id("\ud800") == candidate_id("\ud800")


def test_numbers_beyond_all_bounds_are_no_confidence() -> None:
    choices = (Choice("A", CandidateId("c"), "x", "y"),)
    call = Call(CallKey(0, Phase.VOTE, "ada"), Brief("?", "", (), "", choices=choices), 100)
    for number in (10**400, -(10**400), "9" * 5000, "1" * 400 + "%"):
        with pytest.raises(ReplyError, match="confidence"):
            parse(call, "", {"ranking": ["A"], "approved": [], "confidence": number})
