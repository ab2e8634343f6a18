"""A debate as Markdown (CommonMark) whose structure is ours alone.

Short texts are escaped. A long one is a block quotation: whatever it opens ends with it, as long as
it holds no HTML, which reaches on in a browser, and defines no link, which holds for all of a
document. So both are escaped in it, but for fenced code, where neither is read; and images, which a
reader would fetch from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import assert_never

from markdown_it import MarkdownIt

from debates.exports.outline import Block, Facts, Heading, Line, Points, Words, outline
from debates.exports.subject import Origin, printable, read_subject
from debates.models import Debate

_MARKS = re.compile(r"[\\`*_{}\[\]<>&#|~]")
_AT_START = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=](?:[-+=\s]|$)))")
"""Of a list, a rule, or the line below a heading."""
_HTML = re.compile(r"<(?=[A-Za-z/!?])")


def write_markdown(debate: Debate, origin: Origin) -> str:
    blocks = (_written(block) for block in outline(read_subject(debate, origin)))
    return "\n\n".join(blocks) + "\n"


def _written(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {escaped(text)}"
        case Line(text):
            return escaped(text)
        case Facts(pairs):
            return "\n".join(f"- **{name}:** {escaped(text)}" for name, text in pairs)
        case Points(items):
            # Another mark than that of facts, or the two would be one list.
            return "\n".join(f"* {escaped(item)}" for item in items)
        case Words(text):
            return quoted(text)
    assert_never(block)


def escaped(text: str) -> str:
    """The text in one line, every character of it meaning itself."""
    line = " ".join(printable(text).split())
    return _AT_START.sub(r"\1\\", _MARKS.sub(r"\\\g<0>", line))


def quoted(text: str) -> str:
    """The text as a block quotation, its own Markdown and nothing beyond it in force."""
    # With tabs a line would begin elsewhere behind the mark of the quotation than before it.
    source = printable(text).expandtabs(4).strip("\n")
    in_code = _fenced_lines(source)
    return "\n".join(
        f"> {line if number in in_code else _without_reach(line)}" if line else ">"
        for number, line in enumerate(source.split("\n"))
    )


def _without_reach(line: str) -> str:
    # By its name: a backslash would undo one that stands before it.
    return _HTML.sub("&lt;", line).replace("]:", "]\\:").replace("![", "!\\[")


def _fenced_lines(text: str) -> frozenset[int]:
    """The lines between fences, as they are once HTML and definitions are escaped."""

    def lines() -> Iterator[int]:
        for token in _parser().parse(text):
            if token.type == "fence" and token.map:
                yield from range(token.map[0] + 1, token.map[1])

    return frozenset(lines())


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable(["html_block", "reference"])
