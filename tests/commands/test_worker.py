"""`manage.py worker` says why it cannot work."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection


def test_with_sqlite_it_says_what_to_do() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("there are jobs")
    with pytest.raises(CommandError, match="set DATABASE_URL"):
        call_command("worker")


def test_nought_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debates.management.commands.worker.has_jobs", lambda: True)
    with pytest.raises(CommandError, match="--concurrency"):
        call_command("worker", concurrency=0)
