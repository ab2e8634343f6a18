"""What is archived is out of the lists, still there by its address, and can be taken back."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from debates.choices import TERMINAL_STATUSES, DebateStatus, Visibility
from debates.models import Debate, QuestionVector
from debates.models.question import ZEROS
from ratelimit.models import Membership, Role
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

AT_REST = sorted({*TERMINAL_STATUSES, DebateStatus.CREATED})
UNDER_WAY = sorted(set(DebateStatus) - set(AT_REST))


def ids(caller: Api, path: str = "/api/v1/debates", **params: Any) -> list[str]:
    page = caller.get(path, params).json()
    assert page["items"] == page["debates"]
    assert page["total"] == len(page["items"])
    return [one["id"] for one in page["items"]]


def archive(caller: Api, debate: Debate, act: str = "archive", **headers: str) -> Any:
    return caller.post(f"/api/v1/debates/{debate.pk}/{act}", **headers)


@pytest.fixture
def over(alice: User) -> Debate:
    return factories.make_debate(owner=alice, status=DebateStatus.COMPLETED)


def test_it_leaves_the_lists_and_stays_where_it_was(
    over: Debate, as_alice: Api, anybody: Api
) -> None:
    other = factories.make_debate()
    answer = archive(as_alice, over)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "success": True,
        "debate_id": str(over.pk),
        "status": "completed",
        "message": "The debate is archived.",
    }
    for caller in (as_alice, anybody):
        assert ids(caller) == ids(caller, archived="false") == [str(other.pk)]
        assert ids(caller, archived="true") == [str(over.pk)]
        assert ids(caller, "/api/v1/debates/archived") == [str(over.pk)]
        assert caller.get(f"/api/v1/debates/{over.slug}").json()["archived_at"] is not None
        assert caller.get(f"/api/v1/debates/{over.pk}/messages").status_code == 200


def test_it_comes_back(over: Debate, as_alice: Api) -> None:
    archive(as_alice, over)
    answer = archive(as_alice, over, "unarchive")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert ids(as_alice) == [str(over.pk)]
    assert ids(as_alice, archived="true") == []
    assert as_alice.get(f"/api/v1/debates/{over.pk}").json()["archived_at"] is None


def test_twice_is_once(over: Debate, as_alice: Api) -> None:
    assert archive(as_alice, over, "unarchive").status_code == 200
    archive(as_alice, over)
    over.refresh_from_db()
    since = over.archived_at
    assert archive(as_alice, over).status_code == 200
    over.refresh_from_db()
    assert over.archived_at == since


def test_the_filter_joins_the_others(over: Debate, alice: User, as_alice: Api) -> None:
    failed = factories.make_debate(owner=alice, status=DebateStatus.FAILED, tags=["rail"])
    for debate in (over, failed):
        archive(as_alice, debate)
    assert ids(as_alice, archived="true", status="failed") == [str(failed.pk)]
    assert ids(as_alice, archived="true", tag="rail") == [str(failed.pk)]
    assert ids(as_alice, archived="true", q="no such words") == []
    assert as_alice.get("/api/v1/debates", {"archived": "perhaps"}).status_code == 400


@pytest.mark.parametrize("status", UNDER_WAY)
def test_what_goes_on_is_not_put_away(status: DebateStatus, alice: User, as_alice: Api) -> None:
    debate = factories.make_debate(owner=alice, status=status)
    answer = archive(as_alice, debate)
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
    assert str(status) in answer.json()["error"]
    assert ids(as_alice) == [str(debate.pk)]
    with pytest.raises(IntegrityError), transaction.atomic():
        Debate.objects.filter(pk=debate.pk).update(archived_at=timezone.now())


@pytest.mark.parametrize("status", AT_REST)
def test_what_rests_is(status: DebateStatus, alice: User, as_alice: Api) -> None:
    debate = factories.make_debate(owner=alice, status=status)
    assert archive(as_alice, debate).json()["status"] == status
    assert ids(as_alice) == []


def test_what_is_started_is_in_the_lists(alice: User, as_alice: Api, panel: Any) -> None:
    debate = factories.make_debate(owner=alice, status=DebateStatus.CREATED)
    archive(as_alice, debate)
    assert as_alice.post(f"/api/v1/debates/{debate.pk}/start").status_code == 200
    assert ids(as_alice) == ids(as_alice, "/api/v1/debates/active") == [str(debate.pk)]


@pytest.mark.parametrize("act", ["archive", "unarchive"])
def test_only_who_may_change_it(
    act: str, alice: User, as_bob: Api, as_charlie: Api, anybody: Api
) -> None:
    """A member may steer a debate of the workspace, and not put it out of the others' sight."""
    debate = factories.make_debate(
        owner=alice, status=DebateStatus.COMPLETED, visibility=Visibility.WORKSPACE
    )
    bob = User.objects.get(username="bob")
    Membership.objects.create(workspace_id=debate.workspace_id, user=bob, role=Role.MEMBER)
    assert archive(as_bob, debate, act).status_code == 403
    assert archive(as_charlie, debate, act).status_code == 404
    assert archive(anybody, debate, act).status_code == 404
    Debate.objects.update(visibility=Visibility.PUBLIC)
    assert archive(as_charlie, debate, act).status_code == 403
    assert archive(anybody, debate, act).status_code == 401
    assert ids(anybody) == [str(debate.pk)]


def test_nobodys_debates_are_anybodys_to_put_away(anybody: Api, as_charlie: Api) -> None:
    debate = factories.make_debate(status=DebateStatus.COMPLETED)
    assert archive(anybody, debate).status_code == 200
    assert archive(as_charlie, debate, "unarchive").status_code == 200


def test_it_is_no_topic_any_more(over: Debate, as_alice: Api) -> None:
    QuestionVector.objects.create(debate=over, embedder="hash", vector=ZEROS)

    def topics() -> list[str]:
        told = as_alice.get("/api/v1/debates/trending").json()
        assert len(told["topics"]) == len(told["debates"])
        return [one["id"] for one in told["debates"]]

    assert topics() == [str(over.pk)]
    archive(as_alice, over)
    assert topics() == []
    archive(as_alice, over, "unarchive")
    assert topics() == [str(over.pk)]


def test_sent_again_with_its_key_it_is_not_done_again(over: Debate, as_alice: Api) -> None:
    first = archive(as_alice, over, idempotency_key="k")
    archive(as_alice, over, "unarchive")
    again = archive(as_alice, over, idempotency_key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    assert ids(as_alice) == [str(over.pk)]
