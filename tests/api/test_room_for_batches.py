"""A batch is let in as a whole, or not at all: by the queue, and by what one may have in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus
from debates.models import Debate, DebateEvent, IdempotencyRecord
from ratelimit.workspaces import create_workspace
from tests.api.conftest import Api
from tests.factories import make_debate, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

BATCH = "/api/v1/debates/batch"


@pytest.fixture(autouse=True)
def queue(settings: Settings) -> None:
    """A queue of thirty places, of which one person may have fifteen."""
    settings.ARAGORA = replace(settings.ARAGORA, max_queued_debates=30)


def submit(api: Api, count: int, **fields: Any) -> Any:
    items = [{"task": f"Number {number}?", **fields} for number in range(count)]
    return api.post(BATCH, {"requests": items}, idempotency_key=f"{count} {fields}")


def fill(count: int, **fields: Any) -> None:
    for _ in range(count):
        make_debate(**fields)


def assert_refused(answer: Any, *, because: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert int(answer["Retry-After"]) >= 1
    assert because in answer.json()["error"]
    assert not Debate.objects.filter(batch__isnull=False).exists()
    assert not DebateEvent.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_the_whole_queue_has_to_have_room_for_all(as_alice: Api) -> None:
    for name in ("dora", "emil"):
        fill(11, owner=make_user(name))
    assert_refused(submit(as_alice, 9), because="22 debates wait already")
    Debate.objects.filter(owner__username="dora")[:1].get().delete()
    assert submit(as_alice, 9).status_code == 201


def test_one_person_has_no_more_than_their_share(as_alice: Api, as_bob: Api, alice: User) -> None:
    fill(10, owner=alice)
    assert_refused(submit(as_alice, 6), because="10 debates of yours")
    assert submit(as_alice, 5).status_code == 201
    assert submit(as_bob, 15).status_code == 201


def test_many_workspaces_make_no_larger_share(as_alice: Api, alice: User) -> None:
    towns = [create_workspace(owner=alice, name=name).slug for name in ("One", "Two")]
    fill(8, owner=alice)
    items = [{"task": "Where?", "workspace": towns[number % 2]} for number in range(8)]
    answer = as_alice.post(BATCH, {"items": items})
    assert_refused(answer, because="8 debates of yours")
    assert as_alice.post(BATCH, {"items": items[:7]}).json()["items_queued"] == 7
    assert Debate.objects.filter(batch__isnull=False).values("workspace").distinct().count() == 2


def test_what_runs_or_is_only_stored_takes_no_place(as_alice: Api, alice: User) -> None:
    fill(20, owner=alice, status=DebateStatus.RUNNING)
    assert submit(as_alice, 15, autostart=False).status_code == 201
    assert submit(as_alice, 15).status_code == 201


def test_what_never_has_room_is_told_to_be_too_large(as_alice: Api) -> None:
    """To wait would not help."""
    answer = submit(as_alice, 16)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error == {"field": "requests", "message": "Give 1 to 15 debates."}


def test_debates_stand_where_they_would_had_they_come_alone(
    as_alice: Api, as_bob: Api, alice: User
) -> None:
    for number, owner in enumerate([alice, make_user("dora"), alice, make_user("emil"), None]):
        status = DebateStatus.RUNNING if number == 0 else DebateStatus.PENDING
        make_debate(owner=owner, status=status)
    together = [item["queue_position"] for item in submit(as_alice, 4).json()["items"]]
    Debate.objects.filter(batch__isnull=False).delete()
    alone = [as_alice.post("/api/v1/debates", {"task": "Why?"}).json() for _ in range(4)]
    assert together == [one["queue_position"] for one in alone]
