"""What no writer would let in, but an old row may hold, spoils no file."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from debates.choices import EventType
from debates.models import Debate, DebateEvent, Verdict
from tests.exports.conftest import caller, export

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL stores no such row"),
]

HALF = "\ud83d"
"""Of a surrogate pair: no text, and nothing that UTF-8 can hold."""
FILES = [("html", {}), ("md", {}), ("txt", {}), ("csv", {}), ("csv", {"table": "messages"})]


@pytest.fixture
def odd(finished: Debate) -> Debate:
    """A debate with half a pair in its log, its verdict and its panel."""
    proposal = DebateEvent.objects.filter(debate=finished, type=EventType.PROPOSE)[0]
    proposal.data = {**proposal.data, "answer": HALF, "content": HALF, "rationale": f"So {HALF}."}
    DebateEvent.objects.filter(pk=proposal.pk).update(data=proposal.data)
    Verdict.objects.filter(debate=finished).update(winners=[f"ada{HALF}"])
    finished.panel[0]["model"] = HALF
    Debate.objects.filter(pk=finished.pk).update(panel=finished.panel)
    return finished


@pytest.mark.parametrize(("format", "params"), FILES)
def test_every_file_is_there(odd: Debate, format: str, params: dict[str, str]) -> None:
    assert "?" in export(caller(), odd, format, **params)
    path = f"/api/v1/debates/{odd.pk}/export/{format}"
    wrapped = caller().get(path, params, accept="application/json")
    assert (wrapped.status_code, "?" in wrapped.json()["content"]) == (200, True)


def test_json_and_the_receipt_hold_what_the_row_holds(odd: Debate) -> None:
    exported = json.loads(export(caller(), odd, "json"))
    assert any(event["data"].get("answer") == HALF for event in exported["events"])
    content = caller().get(f"/api/v1/debates/{odd.pk}/receipt").content
    assert json.loads(content)["receipt"]["winners"] == [f"ada{HALF}"]
    told = caller().send("POST", "/api/v1/receipts/verify", content).json()
    assert (told["signature"], told["debate"]) == ("good", "same")
