"""SQLite has one writer at a time: within a process they wait for each other, and none is left
waiting for one that is gone."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from aragora_site.sqlite import base


@pytest.fixture
def connect(
    tmp_path: Path, django_db_blocker: Any
) -> Iterator[Callable[..., base.DatabaseWrapper]]:
    """Connections to one database, each for any thread."""
    opened: list[base.DatabaseWrapper] = []

    def open_one(timeout: float = 20.0) -> base.DatabaseWrapper:
        options = {"transaction_mode": "IMMEDIATE", "timeout": timeout}
        connection = base.DatabaseWrapper(
            {
                **{"NAME": tmp_path / "db.sqlite3", "OPTIONS": options, "TIME_ZONE": None},
                **{"CONN_MAX_AGE": None, "AUTOCOMMIT": True, "CONN_HEALTH_CHECKS": False},
            },
            alias="other",
        )
        connection.inc_thread_sharing()
        opened.append(connection)
        return connection

    with django_db_blocker.unblock():
        execute(open_one(), "CREATE TABLE entry (number INTEGER)")
        yield open_one
        for connection in opened:
            connection.close()


def execute(
    connection: base.DatabaseWrapper, statement: str, *values: int
) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        found: list[tuple[int, ...]] = cursor.execute(statement, values).fetchall()
    return found


@contextmanager
def transaction(connection: base.DatabaseWrapper) -> Iterator[None]:
    """As `atomic` makes it."""
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    else:
        connection.commit()
    finally:
        connection.set_autocommit(True)


def add_one(connection: base.DatabaseWrapper) -> None:
    """Not in one statement: whoever is let in meanwhile makes it wrong."""
    with transaction(connection):
        [(count,)] = execute(connection, "SELECT COALESCE(MAX(number), 0) FROM entry")
        execute(connection, "INSERT INTO entry VALUES (%s)", count + 1)


def test_many_writers_at_once_all_get_their_turn(
    connect: Callable[..., base.DatabaseWrapper],
) -> None:
    """Nor does the database ever have to turn one away: it would not be patient."""
    failed: list[BaseException] = []

    def write() -> None:
        connection = connect(timeout=0.0)
        try:
            for _ in range(25):
                add_one(connection)
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert execute(connect(), "SELECT COUNT(*), MAX(number) FROM entry") == [(200, 200)]


def test_who_fails_or_goes_away_lets_the_next_one_in(
    connect: Callable[..., base.DatabaseWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "PATIENCE_SECONDS", 0.0)
    first, second = connect(timeout=0.0), connect(timeout=0.0)
    with pytest.raises(OperationalError), transaction(first):
        execute(first, "INSERT INTO nowhere VALUES (1)")
    add_one(second)
    first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    first.close()
    add_one(second)
    with transaction(first):
        add_nothing = connect(timeout=0.0)
        with pytest.raises(OperationalError):  # Its turn has not come.
            add_one(add_nothing)
    add_one(second)
    assert execute(second, "SELECT COUNT(*) FROM entry") == [(3,)]


def test_another_process_is_waited_for_as_before(
    connect: Callable[..., base.DatabaseWrapper], tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = connect(timeout=0.0)
    with pytest.raises(OperationalError):
        add_one(impatient)
    other.execute("COMMIT")
    add_one(impatient)
    other.close()
