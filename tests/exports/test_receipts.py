"""A receipt is good as long as nobody has touched it, or the debate."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates import signing
from debates.canonical import canonical_json
from debates.choices import DebateStatus, Visibility
from debates.engine.types import StopReason
from debates.models import Debate, DebateEvent, Verdict
from tests.exports.conftest import caller, export
from tests.factories import make_debate
from tests.web.records import BUILD, Record, hold_debate, hold_first_rounds

pytestmark = pytest.mark.django_db


def receipt_of(debate: Debate, user: User | None = None) -> Any:
    answer = caller(user).get(f"/api/v1/debates/{debate.pk}/receipt")
    assert answer.status_code == 200, answer.content
    return answer


def verify(signed: Any, user: User | None = None) -> dict[str, Any]:
    body = signed if isinstance(signed, bytes) else json.dumps(signed).encode()
    answer = caller(user).send("POST", "/api/v1/receipts/verify", body)
    told: dict[str, Any] = answer.json()
    return told | {"status": answer.status_code}


def test_it_says_what_was_asked_and_what_came_of_it(finished: Debate) -> None:
    answer = receipt_of(finished)
    name = f"{finished.slug}-receipt.json"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    told = answer.json()["receipt"]
    assert (told["question"], told["debate_id"]) == (finished.question, str(finished.pk))
    assert [card["name"] for card in told["panel"]] == ["ada", "ben", "cleo"]
    assert (told["protocol"]["name"], told["protocol"]["decision"]) == ("adaptive", "plurality")
    assert (told["verdict"]["final_answer"], told["verdict"]["method"]) == (BUILD, "majority")
    assert (told["status"], told["stop_reason"], told["cost_usd"]) == ("completed", "stable", 0)
    assert told["started_at"] == told["completed_at"] == "2026-03-04T12:00:00.000000Z"
    text = "The tram cut traffic by a tenth."
    assert told["documents"][0]["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_it_is_good_and_the_same_at_every_call(finished: Debate) -> None:
    first = receipt_of(finished)
    assert receipt_of(finished).content == first.content
    told = verify(first.content)
    assert (told["valid"], told["signature"], told["debate"]) == (True, "good", "same")
    assert told["public_key"] == caller().get("/api/v1/receipts/key").json()["public_key"]


def test_it_may_be_written_anew_by_other_programs(finished: Debate) -> None:
    told = receipt_of(finished).json()
    assert verify(json.dumps(told, indent=3).encode())["valid"]
    upside_down = {name: told[name] for name in reversed(told)}
    assert verify(json.dumps(upside_down, ensure_ascii=True).encode())["valid"]
    told["receipt"]["duration_seconds"] = float(told["receipt"]["duration_seconds"])
    assert verify(told)["valid"]


def test_whoever_has_the_public_key_checks_it_without_this_program(finished: Debate) -> None:
    """With what RFC 8785 and RFC 8032 say, and a JSON export."""

    def number(text: str) -> int | float:
        return int(text[:-2]) if text.endswith(".0") else float(text)

    def canonical(value: Any) -> bytes:
        # All names are ASCII here, and no number is large; but whole ones may come with a point.
        whole = json.loads(json.dumps(value), parse_float=number)
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()

    signed = receipt_of(finished).json()
    key = caller().get("/api/v1/receipts/key").json()
    assert key["algorithm"] == signed["signature"]["algorithm"] == "Ed25519"
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["public_key"])).verify(
        bytes.fromhex(signed["signature"]["value"]), canonical(signed["receipt"])
    )
    events = json.loads(export(caller(), finished, "json"))["events"]
    lines = b"".join(canonical(event) + b"\n" for event in events)
    assert signed["receipt"]["transcript"] == {
        "events": len(events),
        "sha256": hashlib.sha256(lines).hexdigest(),
    }


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_another_byte_is_another_receipt(finished: Debate, data: st.DataObject) -> None:
    """Unless JSON reads the same from it: 0.6 may be written 6e-1."""
    content = receipt_of(finished).content
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0x20, 0x7E).filter(lambda byte: byte != content[at]))
    changed = content[:at] + bytes([byte]) + content[at + 1 :]
    try:
        means_the_same = json.loads(changed) == json.loads(content)
    except ValueError:
        means_the_same = False
    told = verify(changed)
    assert told.get("valid", False) is means_the_same, (at, changed[at - 10 : at + 10])


@pytest.mark.parametrize("part", ["receipt", "signature", None])
def test_nothing_may_be_added_or_left_out(finished: Debate, part: str | None) -> None:
    told = receipt_of(finished).json()
    more = json.loads(json.dumps(told))
    (more[part] if part else more)["note"] = "The council agrees."
    assert not verify(more).get("valid", False)
    for name in list(told[part] if part else told):
        less = json.loads(json.dumps(told))
        del (less[part] if part else less)[name]
        assert not verify(less).get("valid", False), name


def test_there_is_one_way_to_write_a_signature(finished: Debate) -> None:
    told = receipt_of(finished).json()
    for name in ("value", "public_key"):
        for other in (told["signature"][name].upper(), f" {told['signature'][name]}", ""):
            changed = {**told, "signature": {**told["signature"], name: other}}
            assert verify(changed)["signature"] == "bad"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"receipt": 1e999}', b"\xff"])
def test_what_is_no_receipt_is_refused(body: bytes) -> None:
    assert verify(body)["status"] == 400


def test_numbers_that_are_none_are_no_receipt(finished: Debate) -> None:
    content = receipt_of(finished).content.replace(b'"rounds_used":1', b'"rounds_used":1e999')
    assert verify(content)["signature"] == "bad"


def test_one_that_says_two_things_is_refused(finished: Debate) -> None:
    """Other programs take the first of two values where Python takes the last."""
    content = receipt_of(finished).content
    told = verify(content.replace(b'"question":', b'"question":"Sell it?","question":', 1))
    assert (told["status"], told["code"]) == (400, "invalid_json")
    assert told["error"] == 'An object has the name "question" twice. Send each name once.'


def test_any_change_of_the_transcript_is_told(finished: Debate) -> None:
    content = receipt_of(finished).content
    for event in DebateEvent.objects.filter(debate=finished):
        for change in (
            {"data": {**event.data, "debate_id": "x"}},
            {"agent": f"{event.agent}x"},
            {"round": 11},
            {"created_at": event.created_at.replace(microsecond=1)},
            {"type": "audience_suggestion"},
        ):
            rows = DebateEvent.objects.filter(pk=event.pk)
            rows.update(**change)
            told = verify(content)
            assert (told["valid"], told["signature"]) == (False, "good")
            assert told["debate"] == "differs"
            rows.update(**{name: getattr(event, name) for name in change})
    assert verify(content)["debate"] == "same"
    DebateEvent.objects.filter(debate=finished, seq=finished.last_seq).delete()
    assert verify(content)["debate"] == "differs"


def test_any_other_change_is_told(finished: Debate) -> None:
    content = receipt_of(finished).content
    debate, documents = Debate.objects.filter(pk=finished.pk), finished.documents.all()
    verdicts = Verdict.objects.filter(debate=finished)
    for rows, change in (
        (debate, {"question": "Sell the tram?"}),
        (debate, {"context": "There was none."}),
        (debate, {"panel": finished.panel[:2]}),
        (debate, {"seed": finished.seed + 1}),
        (debate, {"failure": "It was not."}),
        (debate, {"active_seconds": 7.5}),
        (documents, {"text": "The tram cut traffic by half."}),
        (documents, {"title": "A study"}),
        (verdicts, {"answer": "Sell the tram."}),
        (verdicts, {"hollow": True}),
        (verdicts, {"winners": ["ben"]}),
    ):
        row = rows.get()
        rows.update(**change)
        told = verify(content)
        assert (told["valid"], told["signature"]) == (False, "good"), change
        assert told["debate"] == "differs", change
        rows.update(**{name: getattr(row, name) for name in change})
    told = verify(content)
    assert (told["valid"], told["debate"]) == (True, "same")


def test_what_it_names_belongs_to_its_format(finished: Debate) -> None:
    """With other names in it, receipts of this format would differ from debates that did not
    change: whoever changes what they are made of gives them another format."""
    told = receipt_of(finished).json()["receipt"]
    assert told["format"] == "aragora-receipt/1"
    assert {
        name: set(value) for name, value in told.items() if name in {"protocol", "verdict"}
    } | {"panel": set(told["panel"][0])} == {
        "protocol": {
            "name", "rounds", "decision", "consensus", "seed",
            "budget_usd", "budget_tokens", "deadline_seconds",
        },
        "verdict": {
            "reached", "agreement", "confidence", "final_answer", "conclusion", "explanation",
            "supporting_agents", "dissenting_agents", "method", "hollow",
        },
        "panel": {"name", "provider", "model", "family", "is_language_model"},
    }  # fmt: skip


def test_what_is_counted_after_the_end_changes_nothing(finished: Debate) -> None:
    content = receipt_of(finished).content
    Debate.objects.filter(pk=finished.pk).update(input_tokens=7, output_tokens=7, cost_usd="0.5")
    assert receipt_of(finished).content != content
    assert verify(content)["debate"] == "same"


def test_what_others_sign_is_compared_with_nothing(finished: Debate, settings: Any) -> None:
    settings.SECRET_KEY, ours = "another one", settings.SECRET_KEY
    forged = receipt_of(finished).content
    settings.SECRET_KEY = ours
    with CaptureQueriesContext(connection) as queries:
        told = verify(forged)
    assert (told["valid"], told["signature"], told["debate"]) == (False, "other_key", "not_checked")
    assert told["message"].endswith("It was compared with no debate here.")
    assert not [query for query in queries.captured_queries if "debateevent" in query["sql"]]


def test_what_is_signed_but_no_receipt_is_none() -> None:
    body = {"format": "aragora-statement/1", "debate_id": "x"}
    signature = {
        "algorithm": signing.ALGORITHM,
        "public_key": signing.public_key(),
        "value": signing.sign(canonical_json(body)),
    }
    assert verify({"receipt": body, "signature": signature})["signature"] == "bad"


def test_another_secret_key_is_another_pair(finished: Debate, settings: Any) -> None:
    content = receipt_of(finished).content
    settings.SECRET_KEY = "another one"
    told = verify(content)
    assert (told["valid"], told["signature"], told["debate"]) == (
        False,
        "other_key",
        "not_checked",
    )
    assert "compared with no debate here" in told["message"]
    forged = json.loads(content)
    forged["signature"]["public_key"] = told["public_key"]
    assert verify(forged)["signature"] == "bad"


def test_a_debate_that_is_not_over_has_none(running: Debate) -> None:
    answer = caller().get(f"/api/v1/debates/{running.pk}/receipt")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
    assert answer.json()["error"] == (
        "The debate is running; there is a receipt of it as soon as it is over."
    )


def test_a_debate_without_a_verdict_has_one() -> None:
    debate = make_debate()
    record: Record = hold_first_rounds(debate)
    record.end(DebateStatus.FAILED, StopReason.QUORUM, failure="Too few agents were left.")
    told = receipt_of(debate).json()["receipt"]
    assert (told["status"], told["failure"]) == ("failed", "Too few agents were left.")
    assert told["verdict"]["reached"] is False


def test_a_private_debate_stays_private(
    private: Debate, alice: User, bob: User, charlie: User
) -> None:
    path = f"/api/v1/debates/{private.pk}/receipt"
    for other in (bob, charlie, None):
        assert caller(other).get(path).status_code == 404
    content = receipt_of(private, alice).content
    told = verify(content, charlie)
    assert (told["valid"], told["signature"], told["debate"]) == (True, "good", "not_checked")
    DebateEvent.objects.filter(debate=private, seq=1).update(round=5)
    assert verify(content, charlie)["debate"] == "not_checked"
    assert verify(content, alice)["debate"] == "differs"
    token = caller(alice).post(f"/api/v1/debates/{private.pk}/share").json()["token"]
    assert caller().get(path, {"share": token}).status_code == 200


def test_what_may_be_changed_of_a_debate_changes_no_receipt(alice: User) -> None:
    debate = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    hold_debate(debate)
    content = receipt_of(debate, alice).content
    changes = {"title": "Tram", "tags": ["tram"], "visibility": "public", "metadata": {"a": 1}}
    path = f"/api/v1/debates/{debate.pk}"
    assert caller(alice).send("PATCH", path, changes).status_code == 200
    assert receipt_of(debate, alice).content == content
