"""A debate on a terminal: what is shown, and that agents do not steer what shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from debates.choices import EventType
from debates.management.terminal import Screen, make_console
from debates.models import Debate
from debates.streaming.envelope import Frame
from debates.streaming.events import EphemeralType
from tests.support.processes import manage, server_environment

ESCAPE = "\x1b]0;owned\x07"
DEBATE = Debate(id=uuid4(), panel=[{"name": "ada"}, {"name": "grace"}])
PROPOSAL = {
    "agent": "ada",
    "answer": "Yes",
    "rationale": "Because [1].",
    "confidence": 0.5,
    "evidence": [],
    "turn_id": "1",
}
CRITIQUE = {
    "agent": "ada",
    "target_agent": "grace",
    "content": "",
    "issues": ["It is wrong."],
    "severity": 0.5,
    "turn_id": "1",
}


def shown(type: str, data: Mapping[str, Any]) -> str:
    output = StringIO()
    with Screen(make_console(output), DEBATE) as screen:
        screen.show(Frame(str(DEBATE.pk), type, data, timestamp="", seq=1))
    return output.getvalue()


@pytest.mark.parametrize(
    ("type", "data"),
    [
        (EventType.PROPOSE, {**PROPOSAL, "rationale": ESCAPE}),
        (EventType.PROPOSE, {**PROPOSAL, "evidence": [ESCAPE]}),
        (EventType.CRITIQUE, {**CRITIQUE, "issues": [ESCAPE]}),
    ],
)
def test_agents_do_not_steer_the_terminal(type: str, data: Mapping[str, Any]) -> None:
    output = shown(type, data)
    assert "owned" in output
    assert "\x1b" not in output
    assert "\x07" not in output


def test_evidence_in_words_is_shown_and_a_bare_citation_is_not() -> None:
    output = shown(EventType.PROPOSE, {**PROPOSAL, "evidence": ["[1]", "[2] A table."]})
    assert "Evidence: [2] A table." in output
    assert not any(line.strip() == "[1]" for line in output.splitlines())


def test_what_is_being_said_begins_without_its_label() -> None:
    output = StringIO()
    console = make_console(output)
    screen = Screen(console, DEBATE)
    for type, data in (
        (EphemeralType.TOKEN_START, {"turn_id": "1", "agent": "ada"}),
        (EphemeralType.TOKEN_DELTA, {"turn_id": "1", "text": "REASONING: The first"}),
        (EphemeralType.TOKEN_DELTA, {"turn_id": "1", "text": " passage"}),
    ):
        screen.show(Frame(str(DEBATE.pk), type, data, timestamp=""))
    console.print(screen._below())
    assert output.getvalue().split() == ["ada", "The", "first", "passage"]


@pytest.mark.parametrize("terminal", [False, True])
def test_an_agent_that_waits_is_seen_once_for_each_reason(terminal: bool) -> None:
    """On a terminal below what was said, where it goes again; elsewhere as a line."""
    output = StringIO()
    output.isatty = lambda: terminal  # type: ignore[method-assign]
    console, busy = make_console(output), "waits to be asked again: The server is busy"
    with Screen(console, DEBATE) as screen:
        for message in (busy, busy, "fills in its ballot", "waits to be asked again: It is away"):
            data = {"turn_id": "1", "agent": "ada", "message": message}
            screen.show(Frame(str(DEBATE.pk), EphemeralType.AGENT_THINKING, data, timestamp=""))
        printed = output.getvalue()
        screen.refresh()
    lines = [f"ada {busy}", "ada waits to be asked again: It is away"]
    assert printed.splitlines() == lines if not terminal else "ada" not in printed
    assert ("It is away" in output.getvalue()[len(printed) :]) is terminal


def test_the_outcome_names_the_documents_that_were_cited(tmp_path: Path) -> None:
    env = server_environment(tmp_path / "data")
    assert manage("prepare", env=env).returncode == 0
    notes = tmp_path / "notes.md"
    notes.write_text("A rewrite of the importer halved the failures in 2021, by a test.\n")

    run = manage("debate", "Should we rewrite the importer?", "--document", str(notes), env=env)

    assert run.returncode in {0, 1}, run.stderr
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("Source")]
    assert line.split(maxsplit=1)[1].strip() == "[1] notes.md"
    (stored,) = [line for line in run.stdout.splitlines() if line.startswith("Stored")]
    assert re.search(r" /debates/should-we-rewrite-the-importer\S*/, id ", stored)
