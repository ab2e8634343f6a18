"""Jobs on PostgreSQL: brought with the debate, and put right whatever became of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from debates.choices import DebateStatus
from debates.models import Debate
from debates.running import claims
from debates.running.jobs import QUEUE, bring_jobs, count_workers, reconcile
from debates.running.loading import take_waiting
from debates.services.control import OPERATOR, pause_debate, resume_debate
from debates.services.creation import NewDebate, create_debate
from tests.factories import make_agent, make_debate

pytestmark = pytest.mark.usefixtures("no_jobs_yet")

NOW = timezone.now()


def jobs(status: str = "todo") -> int:
    return int(
        query(f"SELECT COUNT(*) FROM procrastinate_jobs WHERE status = '{status}'")[0][0]  # noqa: S608
    )


def query(statement: str) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[int, ...]] = cursor.fetchall()
    return found


def test_a_job_comes_with_the_debate_or_neither_does() -> None:
    make_agent("ada")
    make_agent("ben")
    with transaction.atomic():
        create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
        assert jobs() == 1
        transaction.set_rollback(True)
    assert (Debate.objects.count(), jobs()) == (0, 0)
    debate = create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
    assert jobs() == 1
    pause_debate(debate_id=debate.pk, actor=OPERATOR)
    resume_debate(debate_id=debate.pk, actor=OPERATOR)
    assert jobs() == 2
    reconcile(now=NOW)
    assert jobs() == 1


def test_a_debate_that_is_put_back_brings_another() -> None:
    make_debate()
    [taken] = take_waiting(holder="a", limit=1, now=NOW)
    assert jobs() == 0
    claims.give_up(debate_id=taken.debate.pk, fence=taken.debate.fence, now=NOW)
    assert jobs() == 1


def test_what_is_missing_is_brought_and_what_is_too_much_taken_away() -> None:
    for _ in range(3):
        make_debate()
    make_debate(status=DebateStatus.RUNNING)
    reconcile(now=NOW)
    reconcile(now=NOW)
    assert jobs() == 3
    Debate.objects.filter(status=DebateStatus.PENDING).update(status=DebateStatus.PAUSED)
    reconcile(now=NOW)
    assert jobs() == 0


def test_the_jobs_of_a_dead_worker_go_and_those_of_the_living_stay() -> None:
    bring_jobs(3)
    living, dead = (
        query("SELECT worker_id FROM procrastinate_register_worker_v1()")[0][0] for _ in "ab"
    )
    for worker in (living, dead, dead):
        query(f"SELECT id FROM procrastinate_fetch_job_v2(ARRAY['{QUEUE}'], {worker})")  # noqa: S608
    assert (jobs("todo"), jobs("doing"), count_workers(now=NOW)) == (0, 3, 2)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = %s WHERE id = %s",
            [NOW - timedelta(hours=1), dead],
        )
    reconcile(now=NOW)
    assert (jobs("todo"), jobs("doing"), count_workers(now=NOW)) == (0, 1, 1)
