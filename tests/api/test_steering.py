"""Starting, pausing, resuming, stopping, cancelling, editing and deleting."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from debates.choices import DebateStatus, EventType
from debates.models import Debate, UsageRecord
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def steer(api: Api, debate: Debate, act: str, body: Any = None) -> Any:
    return api.post(f"/api/v1/debates/{debate.pk}/{act}", body)


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        ("start", DebateStatus.CREATED, DebateStatus.PENDING),
        ("pause", DebateStatus.PENDING, DebateStatus.PAUSED),
        ("pause", DebateStatus.RUNNING, DebateStatus.PAUSED),
        ("resume", DebateStatus.PAUSED, DebateStatus.PENDING),
        ("stop", DebateStatus.RUNNING, DebateStatus.RUNNING),
        ("cancel", DebateStatus.CREATED, DebateStatus.CANCELLED),
        ("cancel", DebateStatus.PENDING, DebateStatus.CANCELLED),
        ("cancel", DebateStatus.RUNNING, DebateStatus.CANCELLED),
        ("cancel", DebateStatus.PAUSED, DebateStatus.CANCELLED),
    ],
)
def test_a_step_that_the_state_allows(
    anybody: Api, act: str, before: DebateStatus, after: DebateStatus
) -> None:
    debate = factories.make_debate(status=before, started_at=timezone.now())
    answer = steer(anybody, debate, act)

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert set(told) == {"success", "debate_id", "status", "message"}
    assert (told["success"], told["debate_id"]) == (True, str(debate.pk))
    debate.refresh_from_db()
    assert told["status"] == debate.status == after


@pytest.mark.parametrize("act", ["start", "pause", "resume", "stop", "cancel"])
@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_what_is_over_stays_over(anybody: Api, act: str, status: str) -> None:
    debate = factories.make_debate(status=DebateStatus(status))
    answer = steer(anybody, debate, act)
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
    assert not debate.events.exists()


@pytest.mark.parametrize("act", ["cancel", "pause"])
def test_the_reason_is_shown_with_the_debate(anybody: Api, act: str) -> None:
    debate = factories.make_debate()
    assert steer(anybody, debate, act, {"reason": "Wrong question."}).status_code == 200
    wanted = EventType.DEBATE_CANCELLED if act == "cancel" else EventType.DEBATE_PAUSED
    assert debate.events.get(type=wanted).data["reason"] == "Wrong question."


@pytest.mark.parametrize("reason", ["x" * 501, "a\0b", "\ud800", 7, ["why"]])
def test_a_reason_that_cannot_be_shown(anybody: Api, reason: Any) -> None:
    debate = factories.make_debate()
    answer = steer(anybody, debate, "cancel", {"reason": reason})
    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == ["reason"]
    debate.refresh_from_db()
    assert debate.status == DebateStatus.PENDING


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_no_body_is_needed(anybody: Api, body: bytes) -> None:
    assert steer(anybody, factories.make_debate(), "cancel", body).status_code == 200


def test_editing(as_alice: Api, alice: User) -> None:
    debate = factories.make_debate(owner=alice, tags=["old"], metadata={"a": 1})
    path = f"/api/v1/debates/{debate.pk}"
    told = as_alice.send(
        "PATCH", path, {"title": " Tram ", "tags": ["new", "new"], "visibility": "private"}
    ).json()
    assert (told["title"], told["tags"], told["visibility"]) == ("Tram", ["new"], "private")
    assert told["metadata"] == {"a": 1}
    assert as_alice.send("PATCH", path, {"metadata": {}}).json()["metadata"] == {}
    assert as_alice.get(path).json()["title"] == "Tram"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "t" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"tags": ["t"] * 2 + [f"t{n}" for n in range(30)]}, "tags"),
        ({"tags": "t"}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"visibility": "secret"}, "visibility"),
        ({"visibility": "private"}, "visibility"),
    ],
)
def test_wrong_edits_change_nothing(anybody: Api, body: dict[str, Any], field: str) -> None:
    debate = factories.make_debate(title="Before")
    answer = anybody.send("PATCH", f"/api/v1/debates/{debate.pk}", {"title": "After"} | body)
    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == [field]
    debate.refresh_from_db()
    assert debate.title == "Before"


def test_deleting_keeps_what_it_cost(anybody: Api) -> None:
    debate = factories.make_debate(status=DebateStatus.COMPLETED)
    factories.make_usage_record(debate)
    path = f"/api/v1/debates/{debate.pk}"
    assert anybody.send("DELETE", path).json()["status"] == "deleted"
    assert anybody.get(path).status_code == 404
    assert UsageRecord.objects.count() == 1


@pytest.mark.parametrize("status", ["pending", "running", "paused"])
def test_what_is_under_way_is_not_deleted(anybody: Api, status: str) -> None:
    debate = factories.make_debate(status=DebateStatus(status))
    answer = anybody.send("DELETE", f"/api/v1/debates/{debate.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
