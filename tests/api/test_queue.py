"""The queue over HTTP: places, the whole of it, and what a full one answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus
from debates.models import Debate, IdempotencyRecord
from tests.api.conftest import Api
from tests.factories import make_debate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

BODY = {"task": "Should the town build the tram?"}


@pytest.fixture
def full(settings: Settings) -> Debate:
    """The one debate for which there is room in the queue."""
    settings.ARAGORA = replace(settings.ARAGORA, max_queued_debates=1)
    return make_debate()


def test_a_full_queue_is_answered_429_and_nothing_is_created(anybody: Api, full: Debate) -> None:
    answer = anybody.post("/api/v1/debates", BODY, idempotency_key="once")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert answer.json()["code"] == "queue_full"
    assert f"in {answer['Retry-After']} seconds" in answer.json()["error"]
    assert (Debate.objects.count(), IdempotencyRecord.objects.count()) == (1, 0)

    # The same request later is not the answer of before.
    Debate.objects.filter(pk=full.pk).update(status=DebateStatus.RUNNING)
    assert anybody.post("/api/v1/debates", BODY, idempotency_key="once").status_code == 201


def test_starting_a_stored_debate_needs_room_too(anybody: Api, full: Debate) -> None:
    stored = make_debate(status=DebateStatus.CREATED)
    answer = anybody.post(f"/api/v1/debates/{stored.pk}/start")
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    Debate.objects.filter(pk=full.pk).delete()
    assert anybody.post(f"/api/v1/debates/{stored.pk}/start").status_code == 200


def test_the_page_keeps_what_was_written(client: Client, full: Debate) -> None:
    form = {"question": "My long question?", "agents": ["ada", "ben"], "rounds": "3"}
    page = client.post("/", {**form, "document_title": [""], "document_text": ["My document."]})
    text = page.content.decode()
    assert page.status_code == 429
    assert int(page["Retry-After"]) >= 1
    assert "The queue is full." in text
    assert "My long question?" in text
    assert "My document." in text
    assert list(Debate.objects.all()) == [full]


def test_the_whole_queue(anybody: Api, full: Debate) -> None:
    make_debate(status=DebateStatus.RUNNING)
    told = anybody.get("/api/v1/debates/queue/status").json()
    assert told == {
        "success": True,
        "queued": 1,
        "running": 1,
        "capacity": 10,
        "max_queued": 1,
        "accepting": False,
        "average_seconds": None,
        "estimated_wait_seconds": 0,
    }


def test_a_debate_tells_its_place(anybody: Api, full: Debate) -> None:
    for _ in range(10):
        make_debate(status=DebateStatus.RUNNING)
    make_debate(status=DebateStatus.COMPLETED, active_seconds=50.0)
    told = anybody.get(f"/api/v1/debates/{full.pk}").json()
    assert (told["queue_position"], told["estimated_wait_seconds"]) == (1, 5)
    page = anybody.client.get(f"/debates/{full.slug}/").content.decode()
    assert "Number 1 in the queue" in page
    assert "It begins in about 10 seconds." in page
