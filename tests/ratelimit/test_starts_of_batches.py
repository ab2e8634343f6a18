"""A batch takes as many places of the limit on starts as it has debates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from debates.models import Debate
from ratelimit.tiers import Tier
from tests.factories import make_agent
from tests.ratelimit.test_limits_over_http import set_tier

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits", "agents")]


@pytest.fixture
def agents() -> None:
    for name in ("ada", "ben", "cleo"):
        make_agent(name)


def submit(
    client: Client, count: int, *, address: str = "debates/batch", key: str = "", **fields: Any
) -> Any:
    items = [{"task": f"Number {number}?", **fields} for number in range(count)]
    body = json.dumps({"items": items})
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/api/v1/{address}", body, content_type="application/json", headers=headers)


def test_a_batch_takes_a_place_for_each_debate(as_alice: Client) -> None:
    """Twelve at once, then six a minute."""
    answer = submit(as_alice, 10)
    assert answer.status_code == 201
    assert answer["RateLimit"].startswith('"debates";r=2;')
    assert answer["X-RateLimit-Remaining"] == "2"

    refused = submit(as_alice, 3)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused["Retry-After"]) <= 10
    assert Debate.objects.count() == 10
    # What is refused takes nothing.
    assert submit(as_alice, 2, address="batch").status_code == 201
    assert submit(as_alice, 1).status_code == 429


def test_what_is_not_started_is_given_back(as_alice: Client) -> None:
    assert submit(as_alice, 12, rounds=0).status_code == 400
    assert submit(as_alice, 12).status_code == 201


def test_all_of_a_batch_is_given_back_that_is_undone_at_last(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored with its answer, or not at all."""

    def fails(*args: object) -> str:
        raise OperationalError("database is locked")

    as_alice.raise_request_exception = False
    with monkeypatch.context() as patched:
        patched.setattr("debates.api.idempotent._answer", fails)
        assert submit(as_alice, 12, key="once").status_code >= 500
    assert not Debate.objects.exists()
    assert submit(as_alice, 12, key="once").status_code == 201


def test_more_than_ever_come_at_once_are_too_many(as_alice: Client, as_bob: Client) -> None:
    answer = submit(as_alice, 13)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "items", "message": "Your limit lets 12 debates start at once; these are 13."}
    ]
    assert submit(as_alice, 12).status_code == 201


def test_higher_tiers_start_more_at_once(as_alice: Client, alice: Any) -> None:
    set_tier(alice, Tier.PREMIUM)
    assert submit(as_alice, 60).status_code == 201
    assert submit(as_alice, 1).status_code == 429


def test_who_is_not_counted_starts_as_many_as_there_is_room_for(
    as_alice: Client, alice: Any
) -> None:
    set_tier(alice, Tier.INTERNAL)
    for _ in range(2):
        assert submit(as_alice, 100).status_code == 201
