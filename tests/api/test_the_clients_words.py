"""Answers speak of fields as the client wrote them, and tell which of them mean nothing."""

from typing import Any

import pytest

from debates.models import Debate
from tests.api.conftest import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]


def refused(api: Api, body: dict[str, Any]) -> list[str]:
    answer = api.post("/api/v1/debates", body)
    assert answer.status_code == 400, answer.content
    assert not Debate.objects.exists()
    return [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": " "}, "question"),
        ({"task": " "}, "task"),
        ({"task": "Why?", "agents": []}, "agents"),
        ({"task": "Why?", "budget_usd": 0}, "budget_usd"),
        ({"task": "Why?", "budget_usd": "much"}, "budget_usd"),
        ({"task": "Why?", "budget_limit_usd": 0}, "budget_limit_usd"),
        ({"task": "Why?", "decision": "coin"}, "decision"),
        ({"task": "Why?", "consensus": "coin"}, "consensus"),
        ({"task": "Why?", "protocol": {"decision_mode": "coin"}}, "decision_mode"),
    ],
)
def test_an_error_names_the_field_as_it_was_written(
    anybody: Api, body: dict[str, Any], field: str
) -> None:
    assert refused(anybody, body) == [field]


def test_a_wrong_protocol_and_a_wrong_rule_are_both_told(anybody: Api) -> None:
    body = {"task": "Why?", "protocol": "parliament", "decision": "coin", "judge": "ada"}
    assert refused(anybody, body) == ["protocol", "decision"]


def test_unknown_fields_are_ignored_and_named(anybody: Api) -> None:
    body = {"task": "Why?", "round": 2, "xyzzy": 1, "protocol": {"name": "classic", "ronds": 2}}
    answer = anybody.post("/api/v1/debates", body | {"autostart": False})
    assert answer.status_code == 201
    assert answer.json()["warnings"] == [
        "unknown field 'round' was ignored; did you mean 'rounds'?",
        "unknown field 'xyzzy' was ignored",
        "unknown field 'protocol.ronds' was ignored; did you mean 'protocol.rounds'?",
    ]


def test_a_body_that_is_understood_whole_is_answered_without_warnings(anybody: Api) -> None:
    body = {"question": "Why?", "decision": "borda", "budget_usd": 1, "autostart": False}
    assert anybody.post("/api/v1/debates", body).json()["warnings"] == []


def test_unknown_parameters_of_an_estimate_are_named(anybody: Api) -> None:
    told = anybody.get("/api/v1/debates/estimate-cost", {"rounds": 9, "num_agents": 2}).json()
    assert told["num_rounds"] == 3
    assert told["warnings"] == [
        "unknown parameter 'rounds' was ignored; did you mean 'num_rounds'?"
    ]
