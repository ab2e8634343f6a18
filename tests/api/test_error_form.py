"""Every error has one form, whatever raised it, and tells no secrets."""

from typing import Any

import psycopg
import pytest
from django.db import InternalError, OperationalError
from django.test import RequestFactory

from debates import selectors
from debates.api import debates as debate_views
from debates.api.errors import answer_exception
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def is_an_error(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/json")
    told: dict[str, Any] = answer.json()
    assert set(told) == {"error", "code", "trace_id", "errors"}
    assert told["code"] == code
    assert told["trace_id"] == answer["X-Request-Id"]
    assert told["error"].endswith((".", "…"))
    return told


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/debates/",
        "/api/v1/debates/x/nothing",
        "/api/v2/debates",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_that_nobody_knows(anybody: Api, path: str, method: str) -> None:
    is_an_error(anybody.send(method, path), 404, "not_found")


@pytest.mark.parametrize("ref", ["no-such-debate", "%00", "a%00b", "%ff", "..%2f", "a" * 3000])
def test_a_debate_that_nobody_knows(anybody: Api, ref: str) -> None:
    is_an_error(anybody.get(f"/api/v1/debates/{ref}"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/debates", "GET, HEAD, POST"),
        ("DELETE", "/api/v1/health", "GET, HEAD"),
        ("GET", "/api/v1/debates/x/cancel", "POST"),
        ("OPTIONS", "/api/v1/agents", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_known_there(
    anybody: Api, method: str, path: str, allowed: str
) -> None:
    answer = anybody.send(method, path)
    is_an_error(answer, 405, "method_not_allowed")
    assert answer["Allow"] == allowed


def test_a_query_that_is_wrong_names_its_field(anybody: Api) -> None:
    told = is_an_error(anybody.get("/api/v1/debates?limit=x&offset=-1"), 400, "invalid_input")
    assert {item["field"] for item in told["errors"]} == {"limit", "offset"}


def test_a_query_with_a_nul(anybody: Api) -> None:
    is_an_error(anybody.get("/api/v1/debates?q=a%00b"), 400, "invalid_input")


def test_problem_json_for_those_who_ask(anybody: Api) -> None:
    answer = anybody.get("/api/v1/debates/none", accept="application/problem+json")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["title"], told["type"]) == (404, "Not Found", "about:blank")
    assert told["detail"] == told["error"]
    assert told["trace_id"] == answer["X-Request-Id"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html,*/*;q=0.8", ""])
def test_plain_json_for_everybody_else(anybody: Api, accept: str) -> None:
    is_an_error(anybody.get("/api/v1/debates/none", accept=accept), 404, "not_found")


def test_the_trace_id_of_a_proxy_is_kept(anybody: Api) -> None:
    told = anybody.get("/api/v1/nothing", x_request_id="from-the-proxy-1").json()
    assert told["trace_id"] == "from-the-proxy-1"


def test_what_nobody_expected_is_a_500_without_its_text(
    anybody: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(selectors, "get_debate", fail)
    answer = anybody.get("/api/v1/debates/any")
    is_an_error(answer, 500, "internal_error")
    assert b"secret" not in answer.content


def test_a_database_that_does_not_answer_is_a_503(
    anybody: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise OperationalError("could not connect to 10.0.0.1")

    monkeypatch.setattr(debate_views, "create", fail)
    answer = anybody.post("/api/v1/debates", {"task": "Why?"})
    is_an_error(answer, 503, "database_unavailable")
    assert answer["Retry-After"] == "1"
    assert b"10.0.0.1" not in answer.content


def test_a_connection_that_was_cut_is_a_503_also_where_that_is_called_internal() -> None:
    """As by psycopg, when a pooler sends its server's error and its own at once."""
    request = RequestFactory().get("/api/x")
    cut, late, refused = InternalError(), InternalError(), InternalError()
    late.__cause__ = psycopg.errors.IdleInTransactionSessionTimeout("terminating connection")
    cut.__cause__ = psycopg.InternalError("received 2 results from command 'COMMIT'")
    refused.__cause__ = psycopg.errors.InFailedSqlTransaction("current transaction is aborted")
    assert answer_exception(request, cut).status_code == 503
    assert answer_exception(request, late).status_code == 503
    assert answer_exception(request, refused).status_code == 500


def test_an_exception_outside_the_api_is_answered_too() -> None:
    answer = answer_exception(RequestFactory().get("/api/x"), PermissionError("secret"))
    assert answer.status_code == 500
    assert b"secret" not in answer.content


def test_head_is_get_without_the_body(anybody: Api) -> None:
    answer = anybody.send("HEAD", "/api/v1/agents")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer["Content-Length"]) == len(anybody.get("/api/v1/agents").content)


def test_answers_are_not_kept_by_caches(anybody: Api) -> None:
    assert anybody.get("/api/v1/debates")["Cache-Control"] == "no-store"
    assert anybody.get("/api/v1/nothing")["Cache-Control"] == "no-store"
