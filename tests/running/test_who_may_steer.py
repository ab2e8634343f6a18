"""Which states allow what, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus, EventType, Visibility
from debates.exceptions import NotAllowed, NotFound, SignInRequired, StateForbids
from debates.models import Debate, DebateEvent
from debates.services import control
from tests.factories import make_debate, make_user

pytestmark = pytest.mark.django_db

S = DebateStatus
Steer = Callable[..., Debate]
TRANSITIONS: dict[Steer, dict[DebateStatus, DebateStatus]] = {
    control.start_debate: {S.CREATED: S.PENDING},
    control.pause_debate: {S.PENDING: S.PAUSED, S.RUNNING: S.PAUSED},
    control.resume_debate: {S.PAUSED: S.PENDING},
    control.stop_debate: {S.PENDING: S.PENDING, S.RUNNING: S.RUNNING, S.PAUSED: S.PENDING},
    control.cancel_debate: dict.fromkeys((S.CREATED, S.PENDING, S.RUNNING, S.PAUSED), S.CANCELLED),
}
EVENTS = {
    control.start_debate: ["debate_queued"],
    control.pause_debate: ["debate_paused"],
    control.resume_debate: ["debate_queued"],
    control.cancel_debate: ["debate_cancelled", "debate_end"],
}
ALL = pytest.mark.parametrize("steer", TRANSITIONS, ids=lambda steer: steer.__name__)


def types_of(debate: Debate) -> list[str]:
    events = DebateEvent.objects.filter(debate=debate).order_by("seq")
    return list(events.values_list("type", flat=True))


@ALL
@pytest.mark.parametrize("status", DebateStatus)
def test_a_state_allows_it_or_is_named(steer: Steer, status: DebateStatus) -> None:
    debate = make_debate(status=status, started_at=timezone.now(), fence=4)
    wanted = TRANSITIONS[steer].get(status)
    if wanted is None:
        with pytest.raises(StateForbids, match=f"The debate is {status};"):
            steer(debate_id=debate.pk, actor=control.OPERATOR)
        debate.refresh_from_db()
        assert (debate.status, types_of(debate)) == (status, [])
        return
    changed = steer(debate_id=debate.pk, actor=control.OPERATOR)
    assert changed.status == wanted
    assert changed.fence == (5 if wanted == S.CANCELLED else 4)
    assert types_of(debate) == EVENTS.get(steer, types_of(debate))


def test_stop_is_logged_as_an_intervention() -> None:
    debate = make_debate(status=S.PAUSED, started_at=timezone.now())
    assert control.stop_debate(debate_id=debate.pk, actor=control.OPERATOR).stop_requested
    assert types_of(debate) == ["intervention", "debate_queued"]


def test_a_debate_that_has_not_begun_has_no_verdict_to_stop_for() -> None:
    debate = make_debate()
    with pytest.raises(StateForbids, match="cancel it"):
        control.stop_debate(debate_id=debate.pk, actor=control.OPERATOR)


def test_cancelling_ends_the_lease_and_says_so_last() -> None:
    debate = make_debate(
        status=S.RUNNING, lease_holder="x", lease_expires_at=timezone.now(), round=2, phase="vote"
    )
    cancelled = control.cancel_debate(debate_id=debate.pk, actor=control.OPERATOR, reason="Enough.")
    assert (cancelled.lease_holder, cancelled.lease_expires_at) == ("", None)
    assert (cancelled.phase, cancelled.stop_reason) == ("", "cancelled")
    end = DebateEvent.objects.get(debate=debate, type=EventType.DEBATE_END)
    assert (end.data["status"], end.data["result"]) == ("cancelled", "Enough.")


def test_the_queue_position_is_told() -> None:
    make_debate()
    debate = make_debate(status=S.CREATED)
    control.start_debate(debate_id=debate.pk, actor=control.OPERATOR)
    event = DebateEvent.objects.get(debate=debate)
    assert event.data["queue_position"] == 2


@ALL
def test_alice_may_bob_and_charlie_may_not(steer: Steer) -> None:
    alice, bob, charlie = make_user("alice"), make_user("bob"), make_user("charlie")
    status = next(iter(TRANSITIONS[steer]))
    debate = make_debate(owner=alice, status=status, started_at=timezone.now())
    for stranger in (bob, charlie):
        with pytest.raises(NotAllowed):
            steer(debate_id=debate.pk, actor=stranger)
    with pytest.raises(SignInRequired):
        steer(debate_id=debate.pk, actor=None)
    assert types_of(debate) == []
    steer(debate_id=debate.pk, actor=alice)


@ALL
def test_a_private_debate_does_not_exist_for_charlie(steer: Steer) -> None:
    alice, charlie = make_user("alice"), make_user("charlie")
    debate = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    for stranger in (charlie, None):
        with pytest.raises(NotFound):
            steer(debate_id=debate.pk, actor=stranger)


def test_staff_may() -> None:
    debate = make_debate(owner=make_user("alice"), visibility=Visibility.PRIVATE)
    control.cancel_debate(debate_id=debate.pk, actor=make_user("root", staff=True))


def test_nobodys_debate_is_everybodys_where_anonymous_debates_are_allowed(
    settings: Settings,
) -> None:
    charlie = make_user("charlie")
    settings.ARAGORA = replace(settings.ARAGORA, allow_anonymous_debates=True)
    for actor in (charlie, None):
        control.cancel_debate(debate_id=make_debate().pk, actor=actor)
    settings.ARAGORA = replace(settings.ARAGORA, allow_anonymous_debates=False)
    with pytest.raises(NotAllowed):
        control.cancel_debate(debate_id=make_debate().pk, actor=charlie)
    with pytest.raises(SignInRequired):
        control.cancel_debate(debate_id=make_debate().pk, actor=None)


@ALL
def test_what_is_not_there_is_not_found(steer: Steer) -> None:
    with pytest.raises(NotFound):
        steer(debate_id=uuid4(), actor=control.OPERATOR)
