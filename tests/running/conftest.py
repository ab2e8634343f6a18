"""A model server, and ears for what is published, for each test."""

from __future__ import annotations

import pytest
from django.db import connection

from debates.running.jobs import has_jobs
from tests.support.model_server import heard, model_server, running_model_server

__all__ = ["heard", "model_server", "running_model_server"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of jobs belong to the run on PostgreSQL; elsewhere they are none that were skipped."""
    if has_jobs():
        return
    away = [item for item in items if "no_jobs_yet" in getattr(item, "fixturenames", ())]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]


@pytest.fixture
def no_jobs_yet(transactional_db: None) -> None:
    """PostgreSQL without jobs and workers: their tables are none that tests clear by themselves.
    With SQLite there are none, and tests that ask for this are left out."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        cursor.execute("DELETE FROM procrastinate_workers")
