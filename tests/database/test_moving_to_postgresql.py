"""Everything of an SQLite installation arrives in PostgreSQL, whatever interrupts the move."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.processes import ROOT, Process, manage, server_environment
from tests.support.roles import OWNER, as_role, make_roles
from tests.support.sites import wait_until

pytestmark = pytest.mark.postgres

EVENTS = 600


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with rows of every kind; its data folder."""
    folder = tmp_path_factory.mktemp("source")
    env = server_environment(folder, DJANGO_SETTINGS_MODULE="aragora_site.settings")
    manage("migrate", "--verbosity", "0", env=env).check_returncode()
    filling = [sys.executable, "-m", "tests.database.filling", str(EVENTS)]
    subprocess.run(filling, cwd=ROOT, env=env, check=True)
    return folder


@pytest.fixture(scope="module")
def template(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database that is up to date, to be copied: migrating takes seconds."""
    url = postgres_server_url.rsplit("/", 1)[0] + "/moving_template"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE moving_template")
        env = server_environment(tmp_path_factory.mktemp("template"), DATABASE_URL=url)
        manage("migrate", "--verbosity", "0", env=env).check_returncode()
        yield "moving_template"
        connection.execute("DROP DATABASE moving_template WITH (FORCE)")


@pytest.fixture
def migrated_url(template: str, postgres_url: str, postgres_server_url: str) -> str:
    """An empty database that is up to date."""
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}"'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}'.encode())
    return postgres_url


def command(source: Path, target: str, *flags: str) -> list[str]:
    url = f"sqlite:///{source / 'aragora.sqlite3'}"
    return ["migrate_database", "--from", url, "--to", target, *flags]


def move(source: Path, target: str, *flags: str) -> tuple[int, str]:
    run = manage(*command(source, target, *flags), env=server_environment(source))
    return run.returncode, run.stdout + run.stderr


def dump(env: dict[str, str]) -> list[dict[str, Any]]:
    """Every row, as Django itself reads it, in one order."""
    run = manage("dumpdata", "--all", env=env)
    run.check_returncode()
    rows: list[dict[str, Any]] = json.loads(run.stdout)
    return sorted(rows, key=lambda row: (row["model"], str(row["pk"])))


def assert_same(source: Path, target: str) -> None:
    here = dump(server_environment(source))
    there = dump(server_environment(source, DATABASE_URL=target))
    assert len(here) > EVENTS
    assert here == there


def digest(source: Path) -> str:
    return hashlib.sha256((source / "aragora.sqlite3").read_bytes()).hexdigest()


def count(target: str, table: str) -> int:
    with psycopg.connect(target, autocommit=True) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
        return int(row[0]) if row else 0


def test_the_guides_two_lines_move_everything(source: Path, postgres_url: str) -> None:
    """Also as the role that owns the tables and that policies hold for."""
    make_roles(postgres_url)
    before, postgres_url = digest(source), as_role(postgres_url, OWNER)
    env = server_environment(source, DATABASE_URL=postgres_url)
    module = [sys.executable, "-m", "aragora_site.persistence.migrate"]
    run = subprocess.run(module, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "both sides are the same" in run.stdout
    assert digest(source) == before
    assert_same(source, postgres_url)
    # The next row of every table gets a number that is free.
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO debates_rating (agent, domain, elo, games, wins, losses, draws,"
            " updated_at) VALUES ('zoe', '', 1500, 0, 0, 0, 0, now())"
        )
    status, output = move(source, postgres_url)
    assert (status, "The target holds rows already" in output) == (1, True)


def test_a_move_that_was_killed_goes_on_where_it_was(source: Path, migrated_url: str) -> None:
    flags = ("--batch-size", "5")
    killed = Process(
        [sys.executable, "manage.py", *command(source, migrated_url, *flags)],
        env=server_environment(source),
    )
    killed.start()

    wait_until(lambda: count(migrated_url, "debates_debateevent") >= 20)
    killed.kill()
    assert 20 <= count(migrated_url, "debates_debateevent") < EVENTS

    elsewhere = source.parent / "elsewhere.sqlite3"
    elsewhere.write_bytes((source / "aragora.sqlite3").read_bytes())
    other = manage(
        *("migrate_database", "--from", f"sqlite:///{elsewhere}", "--to", migrated_url),
        env=server_environment(source),
    )
    assert "A move from" in other.stderr, other.stderr

    status, output = move(source, migrated_url)
    assert (status, "it goes on where it was" in output) == (0, True), output
    assert_same(source, migrated_url)


def test_a_server_that_still_writes_is_noticed(source: Path, migrated_url: str) -> None:
    folder = source.parent / "written-to"
    folder.mkdir()
    file = folder / "aragora.sqlite3"
    file.write_bytes((source / "aragora.sqlite3").read_bytes())
    moving = Process(
        [sys.executable, "manage.py", *command(folder, migrated_url, "--batch-size", "2")],
        env=server_environment(folder),
    )
    moving.start()
    wait_until(lambda: count(migrated_url, "debates_debateevent") >= 2)
    with sqlite3.connect(file, timeout=20) as connection:
        connection.execute("UPDATE debates_rating SET games = games + 1")
    moving.wait_for_line("Something has written to", seconds=60)
    assert moving.child.wait(30) == 1


def test_a_dry_run_changes_neither_side(source: Path, postgres_url: str) -> None:
    before = digest(source)
    status, output = move(source, postgres_url, "--dry-run")
    assert status == 0
    assert "debates_debateevent" in output
    assert "Nothing was changed." in output
    assert count(postgres_url, "pg_tables WHERE schemaname = 'public'") == 0
    assert digest(source) == before


def test_rows_that_the_target_cannot_hold_are_named(source: Path, migrated_url: str) -> None:
    """SQLite takes texts that are longer than they may be, and PostgreSQL does not."""
    folder = source.parent / "too-long"
    folder.mkdir()
    file = folder / "aragora.sqlite3"
    file.write_bytes((source / "aragora.sqlite3").read_bytes())
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE auth_group SET name = ?", ["x" * 200])
    status, output = move(folder, migrated_url)
    assert (status, "auth_group: the rows" in output) == (1, True), output
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE auth_group SET name = 'moderators'")
    assert move(folder, migrated_url)[0] == 0


def test_what_makes_no_sense_is_said_in_one_line(source: Path) -> None:
    nowhere = "postgresql://aragora:hunter2hunter2@127.0.0.1:1/aragora"
    for arguments, reason in (
        (command(source, nowhere), "The target cannot be reached"),
        (command(source, f"sqlite:///{source / 'other.sqlite3'}"), "Name the target"),
        (["migrate_database", "--from", nowhere, "--to", nowhere], "Name the source"),
    ):
        run = manage(*arguments, env=server_environment(source))
        assert (run.returncode, reason in run.stderr) == (1, True), run.stderr
        assert "hunter2" not in run.stdout + run.stderr
        assert "Traceback" not in run.stderr
