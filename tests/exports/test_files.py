"""A debate is exported as a file, to whoever may read it, under a name of its own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import DebateStatus
from debates.models import Debate
from tests.api.conftest import Api
from tests.exports.conftest import caller, export
from tests.factories import make_debate, make_model_spec
from tests.web.records import BUILD, hold_first_rounds

pytestmark = pytest.mark.django_db

TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}


def address(debate: Debate, format: str) -> str:
    return f"/api/v1/debates/{debate.pk}/export/{format}"


def timeless(text: str) -> str:
    return re.sub(r"\d+ \w+ \d{4}, \d\d:\d\d UTC", "", text)


@pytest.mark.parametrize("format", TYPES)
def test_a_file_has_its_type_and_its_name(finished: Debate, format: str) -> None:
    answer = caller().get(address(finished, format))
    assert answer.status_code == 200
    assert answer["Content-Type"] == TYPES[format]
    table = "-summary" if format == "csv" else ""
    name = f"{finished.slug}{table}.{format}"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["Cache-Control"] == "private, no-store"
    assert BUILD in answer.content.decode()


@pytest.mark.parametrize("format", ["csv", "md", "html", "txt"])
def test_a_client_that_takes_json_alone_gets_the_same_file_wrapped(
    finished: Debate, format: str
) -> None:
    path = address(finished, format)
    raw = caller().get(path, accept="text/html,*/*;q=0.8")
    wrapped = caller().get(path, accept="application/json")
    assert wrapped["Content-Type"] == "application/json"
    assert "Content-Disposition" not in wrapped
    told = wrapped.json()
    assert set(told) == {"format", "content", "filename", "content_type"}
    assert (told["format"], told["content_type"]) == (format, TYPES[format])
    assert told["filename"] in raw["Content-Disposition"]
    # Without the mark for spreadsheets; and a minute may have passed.
    assert timeless(told["content"]) == timeless(raw.content.decode().removeprefix("\ufeff"))


def test_json_is_never_wrapped(finished: Debate) -> None:
    told = caller().get(address(finished, "json"), accept="application/json").json()
    assert told["format"] == "aragora-debate/1"


def test_json_holds_the_whole_log(finished: Debate) -> None:
    told = json.loads(export(caller(), finished, "json"))
    assert [event["seq"] for event in told["events"]] == list(range(1, finished.last_seq + 1))
    events = caller().get(f"/api/v1/debates/{finished.pk}/events", {"limit": 500}).json()["events"]
    kept = ("seq", "type", "timestamp", "round", "agent", "data")
    assert told["events"] == [{name: event[name] for name in kept} for event in events]
    assert told["debate"]["final_answer"] == BUILD
    assert told["documents"][0]["text"] == "The tram cut traffic by a tenth."
    assert (told["complete"], told["note"]) == (True, "")


@pytest.mark.parametrize(
    ("format", "params", "field"),
    [
        ("pdf", {}, "format"),
        ("JSON", {}, "format"),
        ("csv", {"table": "users"}, "table"),
        ("html", {"table": "users"}, "table"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    finished: Debate, format: str, params: dict[str, str], field: str
) -> None:
    answer = caller().get(address(finished, format), params)
    assert answer.status_code == 400
    told = answer.json()
    assert [error["field"] for error in told["errors"]] == [field]
    assert ("csv" if field == "format" else "critiques") in told["error"]


@pytest.mark.parametrize("format", TYPES)
def test_a_private_debate_is_its_owners_alone(
    private: Debate, alice: User, bob: User, charlie: User, format: str
) -> None:
    path = address(private, format)
    assert caller(alice).get(path).status_code == 200
    for other in (bob, charlie, None):
        assert caller(other).get(path).status_code == 404
    token = caller(alice).post(f"/api/v1/debates/{private.pk}/share").json()["token"]
    shared = Api().get(path, {"share": token})
    assert shared.status_code == 200
    assert shared["X-Robots-Tag"] == "noindex, nofollow"
    assert token not in shared.content.decode()
    caller(alice).post(f"/api/v1/debates/{private.pk}/share/revoke")
    assert Api().get(path, {"share": token}).status_code == 404


@pytest.mark.parametrize("format", TYPES)
def test_an_unfinished_debate_exports_what_there_is_and_says_so(
    running: Debate, format: str
) -> None:
    answer = caller().get(address(running, format))
    content = answer.content.decode()
    assert f"-unfinished.{format}" in answer["Content-Disposition"]
    if format == "csv":
        assert '"running","false"' in content
    else:
        assert "This debate is not over (running)." in content
        assert f"up to event {running.last_seq}." in content
        assert BUILD in content


@pytest.mark.parametrize(
    "fields",
    [
        {"status": DebateStatus.CREATED},
        {"status": DebateStatus.PENDING},
        {"status": DebateStatus.CANCELLED, "stop_reason": "cancelled"},
        {"status": DebateStatus.FAILED, "stop_reason": "quorum", "failure": "Too few were left."},
    ],
)
@pytest.mark.parametrize("format", TYPES)
def test_every_state_can_be_exported(fields: dict[str, Any], format: str) -> None:
    content = export(caller(), make_debate(**fields), format)
    assert fields.get("failure", "") in content


@pytest.mark.parametrize("format", ["json", "csv"])
def test_a_cost_that_nobody_knows_is_not_nought(format: str) -> None:
    panel = [make_model_spec("ada", price_known=False), make_model_spec("ben", price_known=False)]
    content = export(caller(), make_debate(panel=panel), format)
    assert '"cost_usd":0' not in content
    if format == "json":
        assert '"cost_usd":null' in content


def test_a_long_debate_is_exported_in_few_queries(
    running: Debate, django_assert_max_num_queries: Any
) -> None:
    record = hold_first_rounds(make_debate())
    for round_ in range(2, 13):
        record.begin_round(round_, "exchange")
        for agent in ("ada", "ben", "cleo"):
            record.criticise(agent, "ben", "So it is not." * 50, round_=round_)
            record.revise(agent, BUILD, changed=False, round_=round_)
    for format in TYPES:
        with django_assert_max_num_queries(12):
            content = export(caller(), record.debate, format)
        assert format == "csv" or content.count("So it is not.") >= 11 * 3 * 50
