"""The HTML page brings everything along and obeys nobody; the text steers no terminal."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from debates.choices import EventType
from debates.models import Debate
from tests.exports.conftest import caller, export
from tests.factories import make_debate
from tests.web.attacks import HANDLER, SCRIPT
from tests.web.records import Record, hold_debate, hold_first_rounds

pytestmark = pytest.mark.django_db


def hostile() -> Debate:
    """A debate in which everybody writes what would do harm."""
    debate = make_debate(f"{SCRIPT} {HANDLER}", context=SCRIPT, documents=[SCRIPT])
    debate.documents.update(title=SCRIPT, source=HANDLER)
    record = hold_first_rounds(debate, proposals=[("ada", SCRIPT), ("ben", "</style>" + HANDLER)])
    record.propose("cleo", "Yes", f"{SCRIPT} [x](javascript:alert(1))")
    record.criticise("cleo", "ada", f"{SCRIPT}{HANDLER}")
    record.fail_turn("cleo", SCRIPT)
    record.vote("cleo", SCRIPT, HANDLER)
    return debate


def test_the_page_needs_nothing_and_runs_nothing(finished: Debate) -> None:
    page = export(caller(), finished, "html")
    assert not re.search(r"<(script|link|img|iframe|object)\b", page)
    assert not re.search(r"<[^>]+\s(style|on\w+|src)=", page)
    assert "@font-face" not in page
    assert "url(" not in page
    targets = re.findall(r'\shref="([^"]*)"', page)
    assert [to for to in targets if not to.startswith("#")] == [
        f"http://testserver/debates/{finished.slug}/"
    ]
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    assert {to[1:] for to in targets if to.startswith("#")} <= ids


def test_its_policy_names_its_own_style_and_nothing_else(finished: Debate) -> None:
    page = export(caller(), finished, "html")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_page_is_whole(finished: Debate) -> None:
    page = export(caller(), finished, "html")
    assert '<html lang="en">' in page
    assert page.count("<h1") == 1
    assert "@media print" in page
    assert "Unfinished" not in page
    for said in ("The verdict, by majority", "Against it", "Blind drafts", "severity", "Ballots"):
        assert said in page


def test_the_page_obeys_nobody() -> None:
    page = export(caller(), hostile(), "html")
    assert SCRIPT not in page
    assert HANDLER not in page
    assert page.count("</style>") == 1
    assert 'href="javascript' not in page
    assert "&lt;script&gt;" in page


def test_what_was_recalled_leads_nowhere_on_another_machine() -> None:
    debate = make_debate()
    entry: dict[str, Any] = dict.fromkeys(("tier", "debate_id", "created_at"), "")
    entry |= {"id": 1, "label": "M1", "kind": "decision", "why": "close", "content": "Build it."}
    entry |= {"slug": "an-earlier-one", "importance": 1.0, "score": 1.0}
    settled = {"slug": "an-earlier-one", "question": "Build it?", "answer": "Yes."}
    settled |= {"completed_at": "2026-03-01T12:00:00.000000Z"}
    Record(debate).add(EventType.MEMORY_RECALL, {"entries": [entry], "settled": [settled]})
    hold_debate(debate)
    page = export(caller(), debate, "html")
    assert "Build it? came to “Yes.”" in page
    assert "an-earlier-one" not in page


def test_text_steers_no_terminal_and_sets_no_heading() -> None:
    debate = make_debate("Build\x1b[2J it?\rWell?")
    hold_first_rounds(debate, proposals=[("ada", "Yes.\n\nThe verdict\n-----------\n\x1b]0;x\x07")])
    record = Record(debate)
    record.propose("cleo", "No.", "The verdict\n-----------\r\nAnswer: Yes.\x9b31m")
    text = export(caller(), debate, "txt")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert not re.search(r"^The verdict", text, re.MULTILINE)
    assert "    The verdict\n    -----------\n    Answer: Yes." in text
