"""A worker takes a debate for each job, and outlives procrastinate's troubles (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.models import Chore, Debate
from debates.running.jobs import bring_jobs, count_workers
from tests.support.debating import Ears, Worker, assert_whole, model_debate

pytestmark = pytest.mark.usefixtures("no_jobs_yet")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def count(condition: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM procrastinate_jobs WHERE {condition}")  # noqa: S608
        [found] = cursor.fetchone()
    return int(found)


@pytest.fixture
def job_worker() -> Callable[..., Worker]:
    from debates.running.worker import Worker as JobWorker

    return lambda **options: Worker(JobWorker, **options)


def test_jobs_become_debates_and_too_many_do_no_harm(
    heard: Ears, model_server: ModelServer, job_worker: Callable[..., Worker]
) -> None:
    debates = [model_debate(model_server) for _ in range(3)]
    bring_jobs(7)
    with job_worker():
        for debate in debates:
            heard.wait_for_end(debate.pk)
        heard.wait_for(lambda: count("TRUE") == 0)
        assert count_workers(now=timezone.now()) == 1
    for debate in debates:
        assert_whole(debate)
    assert len(model_server.requests) == 3 * 12
    assert count_workers(now=timezone.now()) == 0, "it has said goodbye"


def test_a_debate_without_a_job_gets_one(
    heard: Ears, model_server: ModelServer, job_worker: Callable[..., Worker]
) -> None:
    debate = model_debate(model_server)
    assert count("TRUE") == 0
    with job_worker():
        heard.wait_for_end(debate.pk)


def test_runs_go_on_when_its_connections_break(
    heard: Ears, model_server: ModelServer, job_worker: Callable[..., Worker]
) -> None:
    model_server.script(*[Behaviour(fault=Fault.HOLD) for _ in range(3)])
    debate = model_debate(model_server)
    bring_jobs()
    with job_worker():
        model_server.wait_for_requests(3)
        connections.close_all()
        execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        model_server.release()
        assert heard.wait_for_end(debate.pk).status == DebateStatus.COMPLETED
        assert Debate.objects.get(pk=debate.pk).fence == 1, "it was never let go"
        another = model_debate(model_server)
        bring_jobs()
        heard.wait_for_end(another.pk)
    assert len(model_server.requests) == 2 * 12
    assert_whole(debate)


def test_a_worker_that_leaves_hands_back_what_it_has(
    heard: Ears, model_server: ModelServer, job_worker: Callable[..., Worker]
) -> None:
    # The reconciliation that counts just while this job is taken up brings one too many.
    later = timezone.now() + timedelta(hours=1)
    Chore.objects.create(name="job_reconciliation", due_at=later)
    model_server.script(*[Behaviour(fault=Fault.HOLD) for _ in range(3)])
    debate = model_debate(model_server)
    bring_jobs()
    with job_worker() as worker:
        model_server.wait_for_requests(3)
        worker.stop(grace_seconds=0)
    debate.refresh_from_db()
    assert (debate.status, debate.lease_holder) == (DebateStatus.PENDING, "")
    assert (count("status = 'todo'"), count("status = 'doing'")) == (1, 0)


def test_a_server_gives_way_to_workers_and_helps_out_without(
    heard: Ears, model_server: ModelServer, settings: Settings
) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, lease_seconds=2.0)
    execute("SELECT procrastinate_register_worker_v1()")
    debate = model_debate(model_server)
    with Worker(gives_way=True):
        # The worker never gives another sign of life.
        heard.wait_for_end(debate.pk)
    began = Debate.objects.values_list("started_at", flat=True).get(pk=debate.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_heartbeat FROM procrastinate_workers")
        [heartbeat] = cursor.fetchone()
    assert began is not None
    assert (began - heartbeat).total_seconds() > settings.ARAGORA.lease_seconds
