"""What is told of a debate in lists is written once for each of its states. Nobody may see a former
one, and nobody what is no longer theirs to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from aragora_site.bulk import Add
from debates.choices import DebateStatus, EventType, Visibility
from debates.models import Debate
from debates.selectors.listing import CHANGING, Mark, debates_of
from debates.services.events import NewEvent, append_events
from ratelimit.models import Membership, Role
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

NEVER_CHANGE = {
    *("slug", "question", "panel", "judge", "protocol", "decision", "rounds", "seed"),
    *("budget_usd", "budget_tokens", "deadline_seconds", "created_at", "origin", "branch_point"),
}
NOT_SHOWN = {
    *("context", "owner", "workspace", "use_memory", "stop_requested", "fence", "attempts"),
    *("lease_holder", "lease_expires_at", "trace_parent", "queued_at", "parent", "batch"),
    "batch_index",
}


def test_every_field_is_watched_or_has_a_reason_not_to_be() -> None:
    fields = {field.name for field in Debate._meta.concrete_fields}
    assert fields == set(CHANGING) | NEVER_CHANGE | NOT_SHOWN
    assert not set(CHANGING) & (NEVER_CHANGE | NOT_SHOWN)


def item(caller: Api, debate_id: UUID) -> dict[str, Any]:
    items = caller.get("/api/v1/debates").json()["items"]
    found: list[dict[str, Any]] = [one for one in items if one["id"] == str(debate_id)]
    return found[0]


def told(caller: Api, debate_id: UUID) -> dict[str, Any]:
    detail: dict[str, Any] = caller.get(f"/api/v1/debates/{debate_id}").json()
    return {key: detail[key] for key in item(caller, debate_id)}


def happens(debate: Debate, type: EventType, **changes: Any) -> None:
    append_events(debate_id=debate.pk, events=[NewEvent(type)], now=timezone.now(), changes=changes)


def a_round_begins(debate: Debate) -> None:
    factories.make_round(debate, 0)
    happens(debate, EventType.ROUND_START, status=DebateStatus.RUNNING, phase="draft")


def tokens_are_used(debate: Debate) -> None:
    happens(debate, EventType.PROPOSE, input_tokens=Add(7), active_seconds=1.5)


def it_is_decided(debate: Debate) -> None:
    factories.make_verdict(debate, "Yes")
    now = timezone.now()
    happens(debate, EventType.DEBATE_END, status=DebateStatus.COMPLETED, completed_at=now)


@pytest.mark.parametrize("change", [a_round_begins, tokens_are_used, it_is_decided])
def test_what_happens_shows_at_once(change: Callable[[Debate], None], anybody: Api) -> None:
    debate = factories.make_debate()
    before = item(anybody, debate.pk)
    assert before == item(anybody, debate.pk) == told(anybody, debate.pk)
    change(debate)
    after = item(anybody, debate.pk)
    assert after != before
    assert after == told(anybody, debate.pk)


@pytest.mark.parametrize(
    "edit", [{"title": "Trams"}, {"tags": ["rail"]}, {"metadata": {"a": 1}}], ids=str
)
def test_edits_show_at_once(edit: dict[str, Any], alice: User, as_alice: Api) -> None:
    debate = factories.make_debate(owner=alice, visibility=Visibility.PRIVATE)
    before = item(as_alice, debate.pk)
    as_alice.send("PATCH", f"/api/v1/debates/{debate.pk}", edit)
    assert item(as_alice, debate.pk) == {**before, **edit} == told(as_alice, debate.pk)


def test_an_edit_in_between_is_not_taken_for_what_was_before(
    alice: User, as_alice: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    debate = factories.make_debate(owner=alice, visibility=Visibility.PRIVATE, title="Trams")

    def edited_first(marks: list[Mark], *, user: User) -> list[Debate]:
        as_alice.send("PATCH", f"/api/v1/debates/{debate.pk}", {"title": "Buses"})
        return debates_of(marks, user=user)

    with monkeypatch.context() as patch:
        patch.setattr("debates.api.listed.debates_of", edited_first)
        assert item(as_alice, debate.pk)["title"] == "Buses"
    as_alice.send("PATCH", f"/api/v1/debates/{debate.pk}", {"title": "Trams"})
    assert item(as_alice, debate.pk)["title"] == "Trams"


def test_what_is_hidden_is_gone_for_others(
    alice: User, as_alice: Api, as_charlie: Api, anybody: Api
) -> None:
    debate = factories.make_debate(owner=alice, visibility=Visibility.PUBLIC)
    for caller in (as_alice, as_charlie, anybody):
        assert item(caller, debate.pk)
    as_alice.send("PATCH", f"/api/v1/debates/{debate.pk}", {"visibility": "private"})
    for caller in (as_charlie, anybody):
        page = caller.get("/api/v1/debates").json()
        assert (page["items"], page["total"], page["count"]) == ([], 0, 0)
    assert item(as_alice, debate.pk)["visibility"] == "private"


def test_who_leaves_a_workspace_sees_its_debates_no_longer(alice: User, as_bob: Api) -> None:
    debate = factories.make_debate(owner=alice, visibility=Visibility.WORKSPACE)
    bob = User.objects.get(username="bob")
    assert as_bob.get("/api/v1/debates").json()["total"] == 0
    joined = Membership.objects.create(workspace_id=debate.workspace_id, user=bob, role=Role.VIEWER)
    assert item(as_bob, debate.pk)
    joined.delete()
    assert as_bob.get("/api/v1/debates").json()["total"] == 0


def test_lines_and_quotes_in_a_debate_are_no_end_of_it(anybody: Api) -> None:
    text = 'One\ntwo, "three" \\n \u2028 é'
    debates = [
        factories.make_debate(title=text, tags=[text], metadata={text: text}) for _ in range(3)
    ]
    items = anybody.get("/api/v1/debates").json()["items"]
    assert [one["id"] for one in items] == [str(debate.pk) for debate in reversed(debates)]
    for debate in debates:
        assert item(anybody, debate.pk) == told(anybody, debate.pk)
        assert item(anybody, debate.pk)["title"] == text


def test_a_page_and_its_total_are_one_query(
    anybody: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        factories.make_debate()
    before = anybody.get("/api/v1/debates", {"limit": 2}).json()
    with django_assert_num_queries(1):
        assert anybody.get("/api/v1/debates", {"limit": 2}).json() == before
    assert (before["total"], before["count"], before["has_more"]) == (3, 2, True)


def test_a_page_has_its_own_total_under_each_filter(anybody: Api) -> None:
    for title in ("Quay one", "Quay two", "Bus"):
        factories.make_debate(title=title)
    for query, total in (("quay", 2), ("bus", 1), ("ferry", 0), ("quay", 2)):
        page = anybody.get("/api/v1/debates", {"q": query, "limit": 1}).json()
        assert (page["total"], page["count"]) == (total, min(1, total))
