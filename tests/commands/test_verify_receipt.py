"""`verify_receipt` says whether a file is what a server signed, and fails where it is not."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from debates.models import Debate
from tests.exports.conftest import caller, export
from tests.factories import make_debate
from tests.web.records import hold_debate

pytestmark = pytest.mark.django_db


@pytest.fixture
def debate() -> Debate:
    made = make_debate(documents=["The tram cut traffic by a tenth."], context="A town.")
    hold_debate(made)
    return made


@pytest.fixture
def receipt(debate: Debate, tmp_path: Path) -> Path:
    file = tmp_path / "receipt.json"
    file.write_bytes(caller().get(f"/api/v1/debates/{debate.pk}/receipt").content)
    return file


def run(*arguments: Any) -> str:
    said = StringIO()
    call_command("verify_receipt", *map(str, arguments), stdout=said)
    return said.getvalue()


def test_a_good_one_is_compared_with_the_database(receipt: Path, debate: Debate) -> None:
    assert "The debate here is what the receipt was made of" in run(receipt)
    debate.events.filter(seq=3).update(round=4)
    with pytest.raises(CommandError, match="debate here is not what"):
        run(receipt)
    debate.events.filter(seq=3).update(round=0)
    Debate.objects.update(question="Sell the tram?")
    with pytest.raises(CommandError, match="debate here is not what"):
        run(receipt)
    debate.delete()
    assert "no such debate here" in run(receipt)


def test_elsewhere_it_is_compared_with_an_export(
    receipt: Path, debate: Debate, tmp_path: Path, settings: Any
) -> None:
    key = json.loads(receipt.read_text())["signature"]["public_key"]
    transcript = tmp_path / "debate.json"
    transcript.write_text(export(caller(), debate, "json"))
    debate.delete()
    settings.SECRET_KEY = "that of another machine"
    with pytest.raises(CommandError, match="signed with another key"):
        run(receipt, "--transcript", transcript)
    given = (receipt, "--transcript", transcript, "--public-key", key)
    assert "The export is what the receipt was made of" in run(*given)
    transcript.write_text(transcript.read_text().replace("Build the tram", "Sell the tram"))
    with pytest.raises(CommandError, match="export is not what"):
        run(*given)


@pytest.mark.parametrize(
    "path",
    [
        ("events", 2, "agent"),
        ("context",),
        ("documents", 0, "text"),
        ("documents", 0, "title"),
        ("debate", "task"),
        ("debate", "panel", 0, "model"),
        ("debate", "protocol", "seed"),
        ("debate", "consensus", "final_answer"),
        ("debate", "stop_reason"),
        ("debate", "completed_at"),
    ],
)
def test_no_part_of_an_export_that_is_vouched_for_can_be_changed(
    receipt: Path, debate: Debate, tmp_path: Path, path: tuple[str | int, ...]
) -> None:
    exported = json.loads(export(caller(), debate, "json"))
    part = exported
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = "another"
    transcript = tmp_path / "debate.json"
    transcript.write_text(json.dumps(exported))
    with pytest.raises(CommandError, match="export is not what"):
        run(receipt, "--transcript", transcript)


@pytest.mark.parametrize("content", [{}, {"events": []}, {"debate": [], "events": []}])
def test_what_is_no_export_is_refused(receipt: Path, tmp_path: Path, content: Any) -> None:
    transcript = tmp_path / "debate.json"
    transcript.write_text(json.dumps(content))
    with pytest.raises(CommandError, match="not a JSON export"):
        run(receipt, "--transcript", transcript)


def test_a_changed_one_is_refused(receipt: Path) -> None:
    receipt.write_text(receipt.read_text().replace("Build the tram", "Sell the tram"))
    with pytest.raises(CommandError, match="not what was signed"):
        run(receipt)


@pytest.mark.parametrize("content", ["", "[]", "{" * 100_000, "nothing"])
def test_what_is_no_receipt_is_refused(receipt: Path, content: str) -> None:
    receipt.write_text(content)
    with pytest.raises(CommandError, match=r"not JSON|JSON object"):
        run(receipt)
    receipt.unlink()
    with pytest.raises(CommandError, match="cannot be read"):
        run(receipt)


@pytest.mark.parametrize("depth", [100, 900, 3_000, 20_000])
def test_what_is_nested_deeply_is_refused(receipt: Path, depth: int) -> None:
    deep = f'"more":{"[" * depth}{"]" * depth},"winners":'
    receipt.write_text(receipt.read_text().replace('"winners":', deep, 1))
    with pytest.raises(CommandError, match=r"not what was signed|not JSON"):
        run(receipt)


def test_one_that_says_two_things_is_refused(receipt: Path) -> None:
    """Other programs take the first of two values where Python takes the last."""
    content = receipt.read_text()
    receipt.write_text(content.replace('"question":', '"question":"Sell it?","question":', 1))
    with pytest.raises(CommandError, match=r'more than one way.*name "question" twice'):
        run(receipt)


def test_a_key_may_be_written_in_capitals(receipt: Path) -> None:
    key = json.loads(receipt.read_text())["signature"]["public_key"]
    assert "The signature is good" in run(receipt, "--public-key", key.upper())
