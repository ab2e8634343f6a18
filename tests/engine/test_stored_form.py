"""The engine's values as JSON."""

import json
from typing import Any

import pytest

from debates.engine import codec
from debates.engine.types import (
    Ballot,
    CandidateId,
    CritiqueReply,
    Document,
    Failure,
    PeerCritique,
    Position,
    Price,
    Reply,
    Revision,
    Selection,
    Setup,
    Turn,
    Usage,
)
from tests.engine.panel import FAILURE, JUDGE, Move, Script, hold, panelists, setup_of

POSITION = Position("Nile", "Long.", 0.7, ("[1]",))
REPLIES: list[Reply] = [
    POSITION,
    Revision(POSITION, True, "A step.", (PeerCritique("ben", ("Weak.",), 0.4, "Weak."),)),
    CritiqueReply(PeerCritique("ben", (), 1.0, "Wrong.")),
    Ballot("ada", (CandidateId("c1"), CandidateId("c2")), frozenset({CandidateId("c2")}), 0.5),
    Selection(CandidateId("c1"), "Best."),
]


@pytest.mark.parametrize("reply", REPLIES)
def test_replies_come_back_as_they_were(reply: Reply) -> None:
    stored = json.dumps(codec.encode_reply(reply))
    assert codec.decode_reply(json.loads(stored)) == reply


def test_the_form_is_plain() -> None:
    assert codec.encode_reply(REPLIES[3]) == {
        "kind": "Ballot",
        "voter": "ada",
        "ranking": ["c1", "c2"],
        "approved": ["c2"],
        "confidence": 0.5,
        "reason": "",
    }


def test_a_whole_debate_comes_back_as_it_was() -> None:
    drafts = {"ada": "Nile", "ben": "Amazon", "cem": FAILURE, "dora": "Po"}
    setup = setup_of(
        4,
        panel=panelists(4, price=Price(0.1, 0.3)),
        judge=JUDGE,
        documents=(Document(1, "Report", "Text"),),
        budget_usd=0.5,
    )
    script = Script(drafts, {("ada", 1): Move("Po", "A step.")})
    held = hold(setup, script, usage=lambda call: Usage(3, 4))
    for value, kind in [
        (held.verdict, type(held.verdict)),
        (setup, Setup),
        *((turn, Turn) for turn in held.turns),
    ]:
        stored = json.dumps(codec.encode(value))
        assert codec.decode(kind, json.loads(stored)) == value


def test_a_failure_is_told_from_a_reply() -> None:
    stored = codec.encode_turn(
        hold(setup_of(3), Script(dict.fromkeys(["ada", "ben", "cem"], FAILURE))).turns[0]
    )
    assert stored["outcome"] == {
        "kind": "Failure",
        "code": FAILURE.code,
        "message": FAILURE.message,
    }
    assert isinstance(codec.decode_turn(stored).outcome, Failure)


def test_fields_added_later_take_their_defaults_and_unknown_ones_are_left_out() -> None:
    stored = {"kind": "Position", "answer": "x", "rationale": "y", "confidence": 1, "mood": "gay"}
    assert codec.decode_reply(stored) == Position("x", "y", 1.0)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"kind": "Nonsense"},
        {"kind": "Position"},
        {"kind": "Position", "answer": 3, "rationale": "y", "confidence": 0.5},
        {"kind": "Position", "answer": "x", "rationale": "y", "confidence": "0.5"},
        {"kind": "Position", "answer": "x", "rationale": "y", "confidence": True},
        {"kind": "Position", "answer": "x", "rationale": "y", "confidence": 1, "evidence": "[1]"},
        {"kind": "Ballot", "voter": "ada", "ranking": None, "approved": [], "confidence": 1},
        {"kind": "Failure", "code": "x", "message": "y"},
        [],
        None,
    ],
)
def test_what_is_no_reply_is_refused(stored: Any) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode_reply(stored)


def test_an_unknown_word_is_refused() -> None:
    stored = codec.encode(setup_of(3)) | {"protocol": "brawl"}
    with pytest.raises(codec.CodecError):
        codec.decode(Setup, stored)
