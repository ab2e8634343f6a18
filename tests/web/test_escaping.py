"""Words of people and agents are shown, never obeyed."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from debates.web.markdown import render_markdown
from tests.factories import make_debate
from tests.web.attacks import ATTACKS, HANDLER, SCRIPT
from tests.web.records import hold_debate, hold_first_rounds

TAG = re.compile(r"<[^>]*>")


@pytest.mark.parametrize("text", ATTACKS)
def test_markdown_makes_no_harmful_html(text: str) -> None:
    tags = "".join(TAG.findall(render_markdown(text)))
    assert not re.search(r"<(script|iframe|img|svg|style|object|form|input)", tags, re.I)
    assert not re.search(r"\son\w+\s*=", re.sub(r'"[^"]*"', '""', tags), re.I)
    assert not re.search(r"(javascript|data):", tags, re.I)
    assert "style=" not in tags


def test_markdown_is_rendered() -> None:
    html = render_markdown(
        "# Head\n\nA **strong** and *soft* word, `code`, [a link](https://ok.example).\n\n"
        "- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted"
    )
    assert "<h4>Head</h4>" in html
    assert "<strong>strong</strong>" in html
    assert 'href="https://ok.example" rel="nofollow noopener noreferrer"' in html
    assert "<td>1</td>" in html
    assert "<blockquote>" in html


def test_the_page_escapes_a_question(client: Client, db: None) -> None:
    debate = make_debate(f"{SCRIPT} {HANDLER}", context=SCRIPT, documents=["text"])
    debate.documents.update(title=SCRIPT, source=HANDLER)
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert SCRIPT not in page
    assert HANDLER not in page
    assert "&lt;script&gt;" in page
    listed = client.get("/debates/").content.decode()
    assert SCRIPT not in listed


def test_the_page_escapes_agents(client: Client, db: None) -> None:
    debate = make_debate()
    record = hold_first_rounds(debate, proposals=[("ada", SCRIPT), ("ben", HANDLER)])
    record.propose("cleo", "Yes", f"{SCRIPT} [x](javascript:alert(1))")
    record.criticise("cleo", "ada", f"{SCRIPT}{HANDLER}")
    record.fail_turn("cleo", SCRIPT)
    record.vote("cleo", SCRIPT, HANDLER)
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert "<script>alert" not in page
    assert HANDLER not in page
    assert 'href="javascript' not in page


def test_the_state_for_the_script_cannot_end_its_element(client: Client, db: None) -> None:
    debate = make_debate("</script><script>alert(1)</script>")
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert "</script><script>alert(1)" not in page
    assert "\\u003C/script\\u003E" in page


def test_a_verdict_is_escaped(client: Client, db: None) -> None:
    debate = make_debate()
    hold_debate(debate)
    verdict = debate.events.get(type="consensus")
    verdict.data["result"] = SCRIPT
    verdict.data["verdict"]["dissenting"][0]["rationale"] = HANDLER
    verdict.save()
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert SCRIPT not in page
    assert HANDLER not in page
