"""A debate as plain text. Long texts and lists stand indented, so that no line of them can be taken
for a heading or a fact; short ones are one line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from debates.exports.outline import Block, Facts, Heading, Line, Points, Words, outline
from debates.exports.subject import Origin, printable, read_subject
from debates.models import Debate

INDENT = "    "
_RULES = {1: "=", 2: "-"}


def write_text(debate: Debate, origin: Origin) -> str:
    blocks = (_written(block) for block in outline(read_subject(debate, origin)))
    return "\n\n".join(blocks) + "\n"


def _written(block: Block) -> str:
    match block:
        case Heading(level, text):
            title = _in_one_line(text)
            rule = _RULES.get(level)
            return f"{title}\n{rule * min(len(title), 78)}" if rule else f"* {title} *"
        case Line(text):
            return _in_one_line(text)
        case Facts(pairs):
            return "\n".join(f"{name}: {_in_one_line(text)}" for name, text in pairs)
        case Points(items):
            return "\n".join(f"{INDENT}- {_in_one_line(item)}" for item in items)
        case Words(text):
            return "\n".join(_indented(text))
    assert_never(block)


def _indented(text: str) -> Iterator[str]:
    for line in printable(text).strip("\n").split("\n"):
        yield f"{INDENT}{line}".rstrip()


def _in_one_line(text: str) -> str:
    return " ".join(printable(text).split())
