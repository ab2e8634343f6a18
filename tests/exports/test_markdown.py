"""Whatever is said, a Markdown export has the headings, lists and quotations that it is to have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from debates.exports.markdown import escaped, quoted
from debates.exports.subject import printable
from debates.models import Debate
from tests.exports.conftest import caller, export
from tests.factories import make_debate
from tests.web.attacks import ATTACKS
from tests.web.records import Record, hold_first_rounds

ENDING = "\n\n## End\n\n[1] stays as it is.\n"
BREAKERS = (
    *ATTACKS,
    "# Verdict\n\n## Round 9",
    "```\nnever closed",
    "~~~ <b>\n<script>\n~~~\n<b>",
    "<!-- never closed",
    "<div>\n```\n</div>\n<script>\n```",
    "\\<script>alert(1)</script>",
    "[1]: https://elsewhere.example",
    "[a]: /x\n2. ```\n   <b>x</b>\n   ```",
    "[x\ny]: <https://elsewhere.example>",
    "> ```\n> code\n<b>",
    "-\t```\n\t<b>\n",
    "10.\t```\n\t<b>\n",
    "\t<b>\n\n\t<script>",
    "text\n===\n---",
    "1. one\n\n      <b>code?</b>",
    "</blockquote></details><h1>x",
    "&lt;b&gt; &#60;b&#62;",
    "a\r\nb\rc\x0b<b>\x1b[2J\u2028<i>",
)


def parsed(text: str) -> tuple[list[Token], dict[str, Any]]:
    """What a reader of CommonMark that lets HTML through makes of it."""
    environment: dict[str, Any] = {}
    return MarkdownIt("commonmark").enable("table").parse(text, environment), environment


def has_html(tokens: list[Token]) -> bool:
    return any(token.type.startswith("html") or has_html(token.children or []) for token in tokens)


def outer(tokens: list[Token]) -> list[str]:
    return [token.type for token in tokens if token.level == 0]


pieces = st.lists(
    st.sampled_from(
        [*"<>[]()`~#*_-+=|:!&\\ \t\n\n1.a", "<b>", "</div>", "```", "~~~", "]:", "[a]: b", "<!--",
         "    ", "> ", "- ", "1. ", "2. ", "![CDATA[", "?>", "\n\n", "&lt;"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=400)
@given(text=pieces | st.text(max_size=60))
def test_a_quotation_holds_whatever_it_is_given(text: str) -> None:
    check_quotation(text)


@pytest.mark.parametrize("text", BREAKERS)
def test_a_quotation_holds_what_would_break_out(text: str) -> None:
    check_quotation(text)


def check_quotation(text: str) -> None:
    tokens, environment = parsed(quoted(text) + ENDING)
    assert not has_html(tokens)
    assert "image" not in [child.type for token in tokens for child in token.children or []]
    assert not environment.get("references")
    assert outer(tokens) == [
        *("blockquote_open", "blockquote_close"),
        *("heading_open", "heading_close", "paragraph_open", "paragraph_close"),
    ]


@settings(max_examples=300)
@given(text=pieces | st.text(max_size=60))
@example(text="1) a")
@example(text="- - -")
@example(text="+ [x] <b>")
@example(text="# a #")
def test_a_short_text_means_itself(text: str) -> None:
    line = escaped(text)
    if not line:
        return
    (_, inline, _), _ = parsed(line)
    assert {child.type for child in inline.children or []} == {"text"}
    said = "".join(child.content for child in inline.children or [])
    assert said == " ".join(printable(text).split())


def test_code_and_emphasis_of_agents_stay() -> None:
    said = quoted("Use **this**:\n\n```c++\nif (a<b && c[d]: e) {}\n```\n\n- and that")
    tokens, _ = parsed(said)
    (fence,) = [token for token in tokens if token.type == "fence"]
    assert fence.content == "if (a<b && c[d]: e) {}\n"
    assert "strong_open" in [child.type for token in tokens for child in token.children or []]


@pytest.mark.django_db
@pytest.mark.parametrize("text", BREAKERS)
def test_a_debate_keeps_its_outline(text: str) -> None:
    tame = outline(speaking(make_debate(), "Yes."))
    wild = outline(speaking(make_debate(context="Yes."), text))
    assert [line for line in wild if line != (3, "Context")] == tame


def speaking(debate: Debate, text: str) -> Debate:
    """Everything in it that anybody may write is `text`."""
    record: Record = hold_first_rounds(debate, proposals=[("ada", text), ("ben", text)])
    record.propose("cleo", text, text)
    record.criticise("cleo", "ada", text)
    record.revise("ada", text, changed=True, faulty_step=text)
    record.fail_turn("cleo", text)
    record.vote("cleo", text, text)
    return debate


def outline(debate: Debate) -> list[tuple[int, str]]:
    """The headings outside of quotations."""
    content = export(caller(), debate, "md")
    tokens, environment = parsed(content)
    assert not has_html(tokens)
    assert not environment.get("references")
    return [
        (int(token.tag[1]), tokens[at + 1].content)
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
