"""Whatever is wrong with a request to start a debate: a clear refusal, and nothing is made."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from debates.models import Debate, DebateEvent, Document, IdempotencyRecord
from tests import factories
from tests.api.conftest import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

QUESTION = "Should the town build the tram?"


@pytest.fixture(autouse=True)
def _nothing_is_made() -> Iterator[None]:
    yield
    for model in (Debate, DebateEvent, Document, IdempotencyRecord):
        assert not model.objects.exists()


def body(**changes: Any) -> dict[str, Any]:
    return {"task": QUESTION} | changes


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        pytest.param({"task": ""}, {"task"}, id="empty question"),
        pytest.param({"task": " \n "}, {"task"}, id="blank question"),
        pytest.param({"task": "a" * 10_001}, {"task"}, id="over-long question"),
        pytest.param({"task": None}, {"task"}, id="no question"),
        pytest.param({"task": None, "question": ""}, {"question"}, id="the other name"),
        pytest.param({"task": 7}, {"task"}, id="question that is no text"),
        pytest.param({"task": ["Why?"]}, {"task"}, id="question that is a list"),
        pytest.param({"task": "Why \0?"}, {"task"}, id="NUL in the question"),
        pytest.param({"task": "Why \ud800?"}, {"task"}, id="half a surrogate pair"),
        pytest.param({"question": "Another?"}, {"task"}, id="two questions"),
        pytest.param({"agents": ["ada", "dora"]}, {"agents"}, id="unknown agent"),
        pytest.param({"agents": [f"a{n}" for n in range(11)]}, {"agents"}, id="eleven agents"),
        pytest.param({"agents": ["ada"]}, {"agents"}, id="fewer than the quorum"),
        pytest.param({"agents": ["ada", "ada"]}, {"agents"}, id="one agent twice"),
        pytest.param({"agents": "ada,ben"}, {"agents"}, id="agents that are no list"),
        pytest.param({"agents": ["ada", 3]}, {"agents"}, id="agent that is no name"),
        pytest.param({"agents": ["ada", {}]}, {"agents"}, id="agent without a name"),
        pytest.param({"agents": [{"name": None}, "ada"]}, {"agents"}, id="agent named null"),
        pytest.param({"judge": "ada", "consensus": "judge"}, {"judge"}, id="judge on the panel"),
        pytest.param({"rounds": 0}, {"rounds"}, id="no rounds"),
        pytest.param({"rounds": 13}, {"rounds"}, id="thirteen rounds"),
        pytest.param({"rounds": -1}, {"rounds"}, id="negative rounds"),
        pytest.param({"rounds": 10**30}, {"rounds"}, id="rounds beyond any database"),
        pytest.param({"rounds": 2.5}, {"rounds"}, id="broken rounds"),
        pytest.param({"rounds": True}, {"rounds"}, id="rounds that are true"),
        pytest.param({"rounds": "3"}, {"rounds"}, id="rounds as a text"),
        pytest.param({"protocol": {"rounds": 13}}, {"rounds"}, id="rounds in the protocol"),
        pytest.param({"rounds": 2, "protocol": {"rounds": 3}}, {"rounds"}, id="rounds twice"),
        pytest.param({"protocol": "parliament"}, {"protocol"}, id="unknown protocol"),
        pytest.param({"protocol": ["adaptive"]}, {"protocol"}, id="protocol that is a list"),
        pytest.param({"consensus": "coin"}, {"consensus"}, id="unknown rule"),
        pytest.param({"protocol": {"consensus": ""}}, {"consensus"}, id="empty rule"),
        pytest.param({"budget_limit_usd": 0}, {"budget_limit_usd"}, id="a budget of nought"),
        pytest.param({"budget_limit_usd": -1}, {"budget_limit_usd"}, id="negative budget"),
        pytest.param({"budget_limit_usd": "much"}, {"budget_limit_usd"}, id="budget in words"),
        pytest.param({"budget_limit_usd": 1e300}, {"budget_limit_usd"}, id="endless budget"),
        pytest.param({"budget_tokens": 0}, {"budget_tokens"}, id="no tokens"),
        pytest.param({"deadline_seconds": 0}, {"deadline_seconds"}, id="no time"),
        pytest.param({"seed": -1}, {"seed"}, id="negative seed"),
        pytest.param({"seed": 2**70}, {"seed"}, id="seed beyond any database"),
        pytest.param({"documents": "text"}, {"documents"}, id="documents that are no list"),
        pytest.param({"documents": [7]}, {"documents"}, id="document that is a number"),
        pytest.param({"documents": [{"title": "T"}]}, {"documents"}, id="document without text"),
        pytest.param({"documents": [{"text": ["a"]}]}, {"documents"}, id="document of lists"),
        pytest.param({"documents": ["a\0b"]}, {"documents"}, id="NUL in a document"),
        pytest.param({"documents": ["a"] * 51}, {"documents"}, id="fifty-one documents"),
        pytest.param({"visibility": "private"}, {"visibility"}, id="private without an owner"),
        pytest.param({"visibility": "secret"}, {"visibility"}, id="unknown visibility"),
        pytest.param({"title": "t" * 201}, {"title"}, id="over-long title"),
        pytest.param({"tags": ["t" * 51]}, {"tags"}, id="over-long tag"),
        pytest.param({"metadata": {"a": "b" * 20_000}}, {"metadata"}, id="too much metadata"),
        pytest.param({"metadata": {"a": "\ud800"}}, {"metadata"}, id="metadata without a coding"),
        pytest.param({"metadata": []}, {"metadata"}, id="metadata that is a list"),
        pytest.param({"autostart": "no"}, {"autostart"}, id="autostart in words"),
        pytest.param({"rounds": 0, "task": ""}, {"rounds", "task"}, id="two wrongs"),
    ],
)
def test_wrong_fields_are_named(anybody: Api, changes: dict[str, Any], fields: set[str]) -> None:
    answer = anybody.post("/api/v1/debates", body(**changes))

    assert answer.status_code == 400, answer.content
    told = answer.json()
    assert told["code"] == "invalid_input"
    assert {item["field"].partition(".")[0] for item in told["errors"]} == fields
    assert all(item["message"].endswith((".", "”.")) for item in told["errors"])
    assert told["error"]


def test_documents_that_do_not_fit_the_context(anybody: Api) -> None:
    for name in ("tiny", "small"):
        factories.make_model_agent(name, context_tokens=1024)
    answer = anybody.post(
        "/api/v1/debates", body(agents=["tiny", "small"], documents=["word " * 20_000])
    )
    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == ["documents"]


def test_an_unknown_rule_is_answered_with_those_there_are(anybody: Api) -> None:
    told = anybody.post("/api/v1/debates", body(consensus="coin")).json()
    for word in ("majority", "unanimous", "borda", "judge", "none"):
        assert word in told["errors"][0]["message"]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"task=why", id="a form"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"why?"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"task": "Why?", "seed": NaN}', id="NaN"),
        pytest.param(b'{"task": "Why?", "seed": -Infinity}', id="Infinity"),
        pytest.param(b'{"task": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"task": "Why?", "seed": ' + b"9" * 5000 + b"}", id="endless number"),
        pytest.param(
            b'{"task": "Why?", "metadata": ' + b'{"a":' * 100 + b"1" + b"}" * 101, id="deep"
        ),
        pytest.param(b"[" * 100_000, id="very deep"),
        pytest.param(b'{"task": "Why?", "task": "How?"}', id="a name twice"),
        pytest.param(b'{"task": "Why?", "metadata": {"a": 1, "\\u0061": 2}}', id="twice within"),
    ],
)
def test_invalid_json_is_refused(anybody: Api, sent: bytes) -> None:
    answer = anybody.post("/api/v1/debates", sent)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_json"


def test_a_body_that_is_missing_is_no_question(anybody: Api) -> None:
    answer = anybody.post("/api/v1/debates")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_input"


def test_a_body_over_a_megabyte_is_too_large(anybody: Api) -> None:
    answer = anybody.post("/api/v1/debates", body(context="x" * 1_000_000))
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_wrong_content_type_is_refused(anybody: Api, content_type: str) -> None:
    answer = anybody.post("/api/v1/debates", json.dumps(body()).encode(), content_type=content_type)
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


def test_a_wrong_request_with_an_idempotency_key_leaves_no_trace(anybody: Api) -> None:
    answer = anybody.post("/api/v1/debates", body(rounds=0), idempotency_key="k1")
    assert answer.status_code == 400
