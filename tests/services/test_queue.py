"""The queue: whose turn it is, how many may wait, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from debates import selectors
from debates.choices import DebateStatus
from debates.exceptions import QueueFull
from debates.models import Debate, DebateEvent
from debates.running.claims import next_in_line
from debates.running.loading import take_waiting
from debates.services.control import OPERATOR, pause_debate, resume_debate, start_debate
from debates.services.creation import NewDebate, create_debate
from ratelimit.models import Workspace
from ratelimit.tiers import Tier
from ratelimit.workspaces import create_workspace, personal_workspace
from tests.factories import make_agent, make_debate, make_user

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def workspace(name: str, tier: Tier = Tier.AUTHENTICATED) -> Workspace:
    return Workspace.objects.create(slug=name, name=name, tier=tier)


def waiting(name: str, tenant: Workspace | None, minute: int, **fields: object) -> Debate:
    return make_debate(
        name, workspace=tenant, queued_at=MIDNIGHT + timedelta(minutes=minute), **fields
    )


def line() -> list[str]:
    """The questions of the debates that may begin, the next one first."""
    questions = dict(Debate.objects.values_list("pk", "question"))
    return [questions[debate_id] for debate_id in next_in_line(timezone.now())]


def test_tenants_take_turns_and_higher_tiers_come_first() -> None:
    one, other = workspace("one"), workspace("other")
    paying = workspace("paying", Tier.PREMIUM)
    for minute, (name, tenant) in enumerate(
        [
            *(("one 1", one), ("one 2", one), ("one 3", one), ("nobody 1", None)),
            *(("other 1", other), ("nobody 2", None), ("paying 1", paying), ("paying 2", paying)),
        ]
    ):
        waiting(name, tenant, minute)
    expected = ["paying 1", "paying 2", "one 1", "other 1", "one 2", "one 3"]
    assert line() == [*expected, "nobody 1", "nobody 2"]


def test_what_runs_counts_as_a_turn() -> None:
    one, other = workspace("one"), workspace("other")
    waiting("one runs", one, 0, status=DebateStatus.RUNNING)
    waiting("one 2", one, 1)
    waiting("other 1", other, 2)
    assert line() == ["other 1", "one 2"]
    assert [selectors.queue_position(debate) for debate in Debate.objects.order_by("question")] == [
        2,
        None,
        1,
    ]


def test_a_workspace_runs_no_more_than_its_share(settings: Settings) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, max_running_debates_per_workspace=2)
    one, other = workspace("one"), workspace("other")
    debates = [waiting(f"one {n}", one, n) for n in range(4)]
    waiting("other 0", other, 9)
    taken = take_waiting(holder="a", limit=10, now=timezone.now())
    assert [one.debate.question for one in taken] == ["one 0", "other 0", "one 1"]
    assert line() == []
    # They have places all the same.
    assert selectors.queue_position(debates[3]) == 2


def test_a_full_queue_takes_nothing_new(settings: Settings) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, max_queued_debates=2)
    make_agent("ada")
    make_agent("ben")
    first, _ = (create_debate(request=NewDebate("Why?"), owner=None, now=MIDNIGHT) for _ in "ab")
    before = DebateEvent.objects.count()
    with pytest.raises(QueueFull) as refused:
        create_debate(request=NewDebate("Why?"), owner=None, now=MIDNIGHT)
    assert refused.value.retry_after >= 1
    assert (Debate.objects.count(), DebateEvent.objects.count()) == (2, before)

    # What is only stored does not wait, until it is started.
    stored = create_debate(request=NewDebate("?", autostart=False), owner=None, now=MIDNIGHT)
    with pytest.raises(QueueFull):
        start_debate(debate_id=stored.pk, actor=OPERATOR)
    stored.refresh_from_db()
    assert stored.status == DebateStatus.CREATED
    # Who was let in once is not sent away.
    pause_debate(debate_id=first.pk, actor=OPERATOR)
    start_debate(debate_id=stored.pk, actor=OPERATOR)
    assert resume_debate(debate_id=first.pk, actor=OPERATOR).status == DebateStatus.PENDING


def test_nobody_takes_all_of_the_queue(settings: Settings) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, max_queued_debates=20)
    make_agent("ada")
    make_agent("ben")
    alice, bob = make_user("alice"), make_user("bob")
    shared = create_workspace(owner=alice, name="Shared")
    for number in range(10):
        waiting(f"alice {number}", shared, number, owner=alice)
    late = MIDNIGHT + timedelta(hours=1)

    # Neither in that workspace nor in another one of hers.
    for where in (str(shared.pk), None):
        wanted = NewDebate("Why?", workspace=where)
        with pytest.raises(QueueFull, match="of yours or your workspace's") as refused:
            create_debate(request=wanted, owner=alice, now=late)
        assert refused.value.retry_after >= 1
    assert Debate.objects.count() == 10
    debate = create_debate(request=NewDebate("Why?"), owner=bob, now=late)
    assert selectors.queue_position(debate) == 2


def test_many_workspaces_are_one_turn() -> None:
    alice, bob = make_user("alice"), make_user("bob")
    for number in range(3):
        waiting(f"alice {number}", workspace(f"w{number}"), number, owner=alice)
    waiting("bob", personal_workspace(bob), 9, owner=bob)
    assert line() == ["alice 0", "bob", "alice 1", "alice 2"]


def test_the_debate_of_an_account_waits_in_its_workspace() -> None:
    make_agent("ada")
    make_agent("ben")
    alice = make_user("alice")
    create_debate(request=NewDebate("Nobody's?"), owner=None, now=MIDNIGHT)
    late = MIDNIGHT + timedelta(hours=1)
    debate = create_debate(request=NewDebate("Alice's?"), owner=alice, now=late)
    assert debate.workspace == personal_workspace(alice)
    assert line() == ["Alice's?", "Nobody's?"]
    assert DebateEvent.objects.get(debate=debate).data["queue_position"] == 1


def test_the_wait_is_estimated_from_what_debates_took(settings: Settings) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, max_concurrent_debates=2)
    first = waiting("1", None, 1)
    place = selectors.queue_place(first)
    assert place is not None
    assert (place.position, place.estimated_wait_seconds) == (1, 0), "there is room"
    for _ in range(2):
        make_debate(status=DebateStatus.RUNNING)
    place = selectors.queue_place(first)
    assert place is not None
    assert place.estimated_wait_seconds is None, "nobody can tell yet"
    for seconds in (20.0, 40.0):
        make_debate(status=DebateStatus.COMPLETED, active_seconds=seconds)
    waits = []
    for number in range(3):
        place = selectors.queue_place(waiting(str(number + 2), None, number + 2))
        assert place is not None
        waits.append((place.position, place.estimated_wait_seconds))
    assert waits == [(2, 30), (3, 45), (4, 60)]
    status = selectors.queue_status()
    assert (status.queued, status.running, status.seats) == (4, 2, 2)
    assert (status.average_seconds, status.estimated_wait_seconds) == (30.0, 75)
