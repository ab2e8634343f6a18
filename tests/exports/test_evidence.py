"""What positions rest on: which words of which document, and whether they stand there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import Visibility
from debates.engine.codec import encode_reply
from debates.engine.types import Phase, Position, Reply, Revision
from debates.models import Debate
from tests.exports.conftest import caller
from tests.factories import make_debate, make_document, make_model_spec, make_turn

pytestmark = pytest.mark.django_db

TEXT = (
    "The tram cut **traffic** by a tenth. It was late in “May”, and cheap in June. "
    "路面電車は交通量を減らした。"
)


def say(debate: Debate, reply: Reply, agent: str = "ada", **fields: Any) -> None:
    make_turn(debate, agent, reply=encode_reply(reply), **fields)


def evidence(debate: Debate, user: User | None = None) -> list[dict[str, Any]]:
    answer = caller(user).get(f"/api/v1/debates/{debate.pk}/evidence")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["debate_id"], told["total"]) == (str(debate.pk), len(told["evidence"]))
    found: list[dict[str, Any]] = told["evidence"]
    return found


def test_a_quotation_is_told_with_its_document() -> None:
    debate = make_debate()
    make_document(TEXT, debate=debate, number=1, title="Traffic")
    say(debate, Position("Yes", "I say: “The tram cut traffic by a tenth.” [1]", 0.7, ("[1]",)))
    (piece,) = evidence(debate)
    assert piece.pop("timestamp")
    assert piece == {
        "agent": "ada",
        "round": 0,
        "phase": "draft",
        "answer": "Yes",
        "quote": "The tram cut traffic by a tenth.",
        "citation": "[1]",
        "document": {"number": 1, "title": "Traffic", "source": ""},
        "verbatim": True,
    }


@pytest.mark.parametrize(
    ("quote", "verbatim"),
    [
        ("It was late in 'May', and cheap", True),
        ("The tram cut … cheap in June.", True),
        ("cheap in June … The tram cut", False),
        ("The tram cut traffic by half.", False),
        ("… by a tenth …", True),
        ("…, and cheap in June.", True),
        ("ram cut traffic", False),
        ("The tram cut traf", False),
        ("a tent", False),
        ("in", True),
        ("un", False),
        ("tram … raffic", False),
        ("交通量", True),
        ("…", None),
        ("...", None),
        ("?!", None),
    ],
)
def test_words_that_do_not_stand_there_are_told_from_those_that_do(
    quote: str, verbatim: bool | None
) -> None:
    debate = make_debate(documents=[TEXT])
    say(debate, Position("Yes", f"“{quote}” [1]", 0.7))
    assert [piece["verbatim"] for piece in evidence(debate)] == [verbatim]


def test_evidence_of_every_form_is_told_once() -> None:
    debate = make_debate(documents=[TEXT, "Buses."])
    items = ("[2]", "[1] Traffic fell.", "A study of 2019", "[9]")
    say(debate, Position("Yes", "As [1] and [M1] have it.", 0.7, items))
    found = [(piece["quote"], piece["citation"]) for piece in evidence(debate)]
    assert sorted(found, key=str) == sorted(
        [
            ("Traffic fell.", "[1]"),
            ("A study of 2019", None),
            (None, "[2]"),
            (None, "[9]"),
            (None, "[M1]"),
        ],
        key=str,
    )
    by_citation = {piece["citation"]: piece for piece in evidence(debate)}
    assert by_citation["[2]"]["document"]["title"] == "Document 2"
    assert by_citation["[9]"]["document"] is by_citation["[M1]"]["document"] is None


def test_revisions_bring_evidence_and_votes_and_failures_none() -> None:
    debate = make_debate(documents=[TEXT])
    changed = Revision(Position("No", "Late [1].", 0.6), changed=True, faulty_step="Price.")
    say(debate, changed, "ben", round=1, phase=Phase.EXCHANGE)
    make_turn(debate, "cleo", reply=None, failure_code="timed_out", round=1, phase=Phase.EXCHANGE)
    assert [(piece["agent"], piece["round"], piece["answer"]) for piece in evidence(debate)] == [
        ("ben", 1, "No")
    ]


def test_a_panel_that_argues_from_the_corpus_cites_it() -> None:
    make_document("Fares are a tenth of the cost.", number=106, title="Free public transport")
    extractive, models = make_debate(), make_debate(panel=[make_model_spec("ada")])
    for debate in (extractive, models):
        say(debate, Position("Yes", "“Fares are a tenth of the cost.” [106]", 0.7))
    assert evidence(extractive)[0]["document"]["title"] == "Free public transport"
    assert evidence(models)[0]["document"] is None


def test_it_is_as_private_as_the_debate(alice: User, charlie: User) -> None:
    debate = make_debate(owner=alice, visibility=Visibility.PRIVATE, documents=[TEXT])
    say(debate, Position("Yes", "As [1] has it.", 0.7))
    assert len(evidence(debate, alice)) == 1
    for other in (charlie, None):
        assert caller(other).get(f"/api/v1/debates/{debate.pk}/evidence").status_code == 404


def test_a_debate_in_which_nobody_has_spoken_has_none() -> None:
    assert evidence(make_debate()) == []
