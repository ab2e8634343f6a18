"""The jobs by which workers learn, on PostgreSQL, that debates wait.

A job says no more than "run the debate that is next": which one that is, its row decides when the
job is taken up (`order`), not when it was brought. So a job holds nothing that could be lost, and
the order is that of the embedded dispatcher. There should be as many jobs as debates that may
begin; `reconcile` sees to it, whatever died in between.

With SQLite there are no jobs: the dispatcher of the process looks at the rows themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction

log = structlog.get_logger(__name__)

QUEUE = "debates"
RUN_NEXT = "debates.run_next"

# As procrastinate does it, whose own way in costs as much time as the debate's row.
_BRING = """
SELECT procrastinate_defer_jobs_v1(array_fill(
    ROW(%s, %s, 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1, ARRAY[%s]
))
"""
_DOING_NOTHING = """
DELETE FROM procrastinate_jobs AS job
WHERE job.queue_name = %s AND job.status = 'doing' AND NOT EXISTS (
    SELECT 1 FROM procrastinate_workers AS worker
    WHERE worker.id = job.worker_id AND worker.last_heartbeat >= %s
)
"""
_TOO_MANY = """
DELETE FROM procrastinate_jobs WHERE id IN (
    SELECT id FROM procrastinate_jobs WHERE queue_name = %s AND status = 'todo'
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def has_jobs() -> bool:
    """Whether this database brings jobs to workers."""
    return connection.vendor == "postgresql"


def bring_jobs(count: int = 1) -> None:
    """Let workers know that so many more debates wait, in the caller's transaction."""
    if count > 0 and has_jobs():
        with connection.cursor() as cursor:
            cursor.execute(_BRING, [QUEUE, RUN_NEXT, count])


def count_workers(*, now: datetime) -> int:
    """How many worker processes are alive; those that died count until their lease is over."""
    if not has_jobs():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM procrastinate_workers WHERE last_heartbeat >= %s", [_alive(now)]
        )
        [count] = cursor.fetchone()
    return int(count)


def reconcile(*, now: datetime) -> None:
    """Bring a job for every debate that may begin and has none, take away those that are too many,
    and those that died with their worker."""
    if not has_jobs():
        return
    from debates.running.claims import next_in_line

    with transaction.atomic(), connection.cursor() as cursor:
        # Two that did this at once would both bring what is missing.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [RUN_NEXT])
        cursor.execute(_DOING_NOTHING, [QUEUE, _alive(now)])
        stalled = cursor.rowcount
        waiting = len(next_in_line(now))
        cursor.execute(
            "SELECT COUNT(*) FROM procrastinate_jobs WHERE queue_name = %s AND status = 'todo'",
            [QUEUE],
        )
        [jobs] = cursor.fetchone()
        if waiting < jobs:
            cursor.execute(_TOO_MANY, [QUEUE, jobs - waiting])
        bring_jobs(waiting - jobs)
    if stalled or waiting != jobs:
        log.info("jobs_reconciled", debates=waiting, jobs=jobs, stalled=stalled)


def _alive(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.ARAGORA.lease_seconds)
