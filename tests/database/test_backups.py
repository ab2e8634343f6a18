"""A backup comes back whole, or nothing is changed."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg import sql
from pytest_django.fixtures import Settings

from aragora_site.databases import postgresql
from aragora_site.environment import Environment
from aragora_site.persistence import postgresql_backup, sqlite_backup
from aragora_site.persistence.archive import BackupRefused, Manifest, read_manifest
from aragora_site.persistence.postgresql_backup import understood_by
from aragora_site.persistence.postgresql_target import Target
from tests.support.processes import (
    ROOT,
    manage,
    postgres_programs,
    server_environment,
)
from tests.support.roles import APP, OWNER, as_role, make_roles, prepare_as_owner
from tests.support.sites import wait_until


def fill(env: dict[str, str]) -> None:
    filling = [sys.executable, "-m", "tests.database.filling", "50"]
    settings = {"DJANGO_SETTINGS_MODULE": "aragora_site.settings"}
    subprocess.run(filling, cwd=ROOT, env=env | settings, check=True)


class Console:
    """Carries out commands as `manage.py` does, in this process: there are many."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self._monkeypatch = monkeypatch

    def run(self, *arguments: str | Path, env: dict[str, str]) -> str:
        self._settings.ARAGORA, problems = Environment.read(env)
        assert not problems
        self._monkeypatch.setenv("PATH", env["PATH"])
        out = StringIO()
        call_command(*map(str, arguments), stdout=out)
        return out.getvalue()

    def refused(self, *arguments: str | Path, env: dict[str, str]) -> str:
        with pytest.raises(CommandError) as refused:
            self.run(*arguments, env=env)
        return str(refused.value)


@pytest.fixture
def console(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Console:
    return Console(settings, monkeypatch)


def succeed(*arguments: str | Path, env: dict[str, str]) -> str:
    """In a process of its own."""
    done = manage(*map(str, arguments), env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def cut(file: Path, length: int) -> Path:
    damaged = file.with_name(f"cut-{length}.backup")
    damaged.write_bytes(file.read_bytes()[:length])
    return damaged


def with_manifest(file: Path, **changes: Any) -> Path:
    """The same backup, which says something else of itself."""
    other = file.with_name("other.backup")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(other, "w") as out:
        said = json.loads(source.read("manifest.json")) | changes
        out.writestr("database", source.read("database"))
        out.writestr("manifest.json", json.dumps(said))
    return other


# --- SQLite ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An installation with rows of every kind; its environment."""
    env = server_environment(tmp_path_factory.mktemp("filled"))
    succeed("migrate", "--verbosity", "0", env=env)
    fill(env)
    return env


@pytest.fixture
def migrated(filled: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Another installation, with rows of its own."""
    env = server_environment(tmp_path / "migrated")
    shutil.copytree(filled["ARAGORA_DATA_DIR"], env["ARAGORA_DATA_DIR"])
    with closing(sqlite3.connect(database_of(env))) as connection:
        connection.execute("DELETE FROM debates_debateevent")
        connection.commit()
    return env


@pytest.fixture(scope="module")
def backup(filled: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backups")
    told = succeed("backup", folder, env=filled)
    [file] = folder.glob("aragora-*.backup")
    assert str(file) in told
    return file


def database_of(env: dict[str, str]) -> Path:
    return Path(env["ARAGORA_DATA_DIR"]) / "aragora.sqlite3"


def content(file: Path) -> str:
    """All that a database holds."""
    with closing(sqlite3.connect(file)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def test_everything_comes_back(
    console: Console, filled: dict[str, str], backup: Path, tmp_path: Path
) -> None:
    env = server_environment(tmp_path / "data")
    told = console.run("restore", backup, env=env)
    assert content(database_of(env)) == content(database_of(filled))
    assert read_manifest(backup).rows["debates_debate"] == 3
    assert "Restored" in told
    assert "prepare" not in told, "it is up to date"


def test_a_backup_is_for_its_owner_alone_and_overwrites_nothing(
    console: Console, filled: dict[str, str], backup: Path
) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    before = backup.read_bytes()
    assert "there already" in console.refused("backup", backup, env=filled)
    assert backup.read_bytes() == before
    assert [found for found in backup.parent.iterdir() if found.name.startswith(".")] == []


def test_what_is_there_is_dropped_only_when_that_is_said(
    console: Console, backup: Path, migrated: dict[str, str]
) -> None:
    env = migrated
    before = content(database_of(env))
    assert "--replace" in console.refused("restore", backup, env=env)
    assert "--no-input" in console.refused("restore", backup, "--replace", env=env)
    assert content(database_of(env)) == before
    console.run("restore", backup, "--replace", "--no-input", env=env)
    assert content(database_of(env)) != before


def test_damaged_backups_change_nothing(
    console: Console, backup: Path, migrated: dict[str, str]
) -> None:
    env, force = migrated, ("--replace", "--no-input")
    before = content(database_of(env))
    size = backup.stat().st_size
    flipped = backup.with_name("flipped.backup")
    flipped.write_bytes(backup.read_bytes())
    with flipped.open("r+b") as file:
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        file.write(bytes([byte ^ 0x10]))
    for damaged in (cut(backup, size - 1), cut(backup, size // 2), cut(backup, 0), flipped):
        assert "damaged" in console.refused("restore", damaged, *force, env=env)
        assert "damaged" in console.refused("restore", damaged, "--check", env=env)
    assert "damaged" in console.refused("restore", with_manifest(backup, sha256="0" * 64), env=env)
    assert "rows" in console.refused("restore", with_manifest(backup, rows={}), *force, env=env)
    assert content(database_of(env)) == before


def test_a_backup_of_a_newer_version_is_refused(
    console: Console, backup: Path, tmp_path: Path
) -> None:
    migrations = [*read_manifest(backup).migrations, ("debates", "9999_from_tomorrow")]
    newer = with_manifest(backup, migrations=migrations, version="99.0")
    env = server_environment(tmp_path)
    said = console.refused("restore", newer, env=env)
    assert "99.0" in said
    assert "9999_from_tomorrow" in said
    assert "99.0" in console.refused(
        "restore", with_manifest(backup, format=2, version="99.0"), env=env
    )


def test_an_older_backup_says_what_is_to_be_done(
    console: Console, backup: Path, tmp_path: Path
) -> None:
    older = with_manifest(backup, migrations=read_manifest(backup).migrations[:-1])
    assert "prepare" in console.run("restore", older, env=server_environment(tmp_path))


def test_an_empty_installation_has_nothing_to_back_up(console: Console, tmp_path: Path) -> None:
    said = console.refused("backup", tmp_path / "file", env=server_environment(tmp_path / "data"))
    assert "nothing to back up" in said.lower()
    assert not (tmp_path / "file").exists()


def test_a_place_that_cannot_be_written_to_is_named(
    console: Console, filled: dict[str, str], tmp_path: Path
) -> None:
    nowhere = tmp_path / "no" / "such" / "folder" / "file"
    assert str(nowhere.parent) in console.refused("backup", nowhere, env=filled)
    (tmp_path / "file").write_text("")
    assert "cannot be" in console.refused("backup", tmp_path / "file" / "x", env=filled)


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Path]:
    """A database to which somebody writes all the time, to two tables in each transaction."""
    file = tmp_path / "busy.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE django_migrations (app TEXT, name TEXT)")
        for table in ("one", "other"):
            connection.execute(f"CREATE TABLE {table} (number INTEGER, filling TEXT)")
            rows = ((number, "x" * 400) for number in range(20_000))
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)  # noqa: S608
            connection.execute("COMMIT")
    over, written = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as connection:
            while not over.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO one VALUES (1, 'y')")
                connection.execute("INSERT INTO other VALUES (1, 'y')")
                connection.execute("COMMIT")
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    written.wait(20)
    yield file
    over.set()
    writer.join()


def test_a_backup_is_one_state_whoever_writes_meanwhile(pairs: Path, tmp_path: Path) -> None:
    describe = partial(Manifest, version="1", created_at="now")
    stages: list[str] = []

    def stage(name: str, size: int | None) -> Any:
        stages.append(name)
        return lambda more: None

    file = tmp_path / "pairs.backup"
    sqlite_backup.back_up(pairs, file, describe=describe, stage=stage)
    rows = read_manifest(file).rows
    assert rows["one"] == rows["other"] > 20_000
    sqlite_backup.restore(file, read_manifest(file), tmp_path / "new.sqlite3", stage=stage)
    assert sqlite_backup.tables_in(tmp_path / "new.sqlite3") == rows
    assert stages == ["Copying", "Packing", "Unpacking", "Replacing"]


def test_a_database_that_somebody_holds_is_not_replaced(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "BUSY_SECONDS", 0.1)
    target = tmp_path / "held.sqlite3"
    with closing(sqlite3.connect(target, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE mine (x)")
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackupRefused, match="Stop what uses it"):
            sqlite_backup.restore(
                backup, read_manifest(backup), target, stage=lambda name, size: lambda more: None
            )
        holder.execute("ROLLBACK")
    assert sqlite_backup.tables_in(target) == {"mine": 0}


def restore_and_die(stage_name: str, reports: int, restore: Callable[..., None]) -> None:
    """A process of its own restores, and is gone in the midst of a stage."""

    def stage(name: str, size: int | None) -> Callable[[int], None]:
        left = reports

        def report(more: int) -> None:
            nonlocal left
            left -= 1
            if name == stage_name and left < 0:
                os._exit(9)

        return report

    child = multiprocessing.get_context("fork").Process(target=restore, kwargs={"stage": stage})
    child.start()
    child.join(60)
    assert child.exitcode == 9, "it was over before"


def test_a_process_that_dies_while_it_restores_leaves_what_there_was(
    backup: Path, migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "PAGES", 10)
    target, manifest = database_of(migrated), read_manifest(backup)
    before = content(target)
    restore_and_die("Replacing", 5, partial(sqlite_backup.restore, backup, manifest, target))
    assert content(target) == before


# --- PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programs() -> str:
    """A search path with PostgreSQL's programs on it."""
    return f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}"


def environment_of(folder: Path, url: str, programs: str, role: str = OWNER) -> dict[str, str]:
    """Of the program, which serves as one role and is prepared and backed up as another."""
    return server_environment(
        folder,
        PATH=programs,
        DATABASE_URL=as_role(url, APP),
        ARAGORA_DIRECT_DATABASE_URL=as_role(url, role),
    )


@pytest.fixture(scope="module")
def template(
    postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory, programs: str
) -> Iterator[str]:
    """A database with rows of every kind and the two roles, to be copied; its name."""
    name = "backup_template"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        url = postgres_server_url.rsplit("/", 1)[0] + f"/{name}"
        folder = tmp_path_factory.mktemp("template")
        prepare_as_owner(folder, url)
        fill(environment_of(folder, url, programs))
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def site(
    tmp_path: Path, postgres_url: str, postgres_server_url: str, template: str, programs: str
) -> dict[str, str]:
    """An installation with rows of every kind, on PostgreSQL with its two roles."""
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}"'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}'.encode())
    return environment_of(tmp_path, postgres_url, programs)


@pytest.fixture
def other_url(postgres_url: str, postgres_server_url: str) -> Iterator[str]:
    """Another empty database with the roles."""
    name = postgres_url.rsplit("/", 1)[1] + "_other"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        url = postgres_server_url.rsplit("/", 1)[0] + f"/{name}"
        make_roles(url)
        yield url
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def everything(url: str) -> dict[str, str]:
    """A checksum of each table, as the superuser sees it."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        counted = "SELECT count(*), md5(string_agg(row::text, '' ORDER BY row::text)) FROM {} row"
        return {
            table: str(
                connection.execute(sql.SQL(counted).format(sql.Identifier(table))).fetchone()
            )
            for (table,) in tables
        }


@pytest.mark.postgres
def test_everything_comes_back_in_postgresql(
    console: Console, site: dict[str, str], other_url: str, programs: str, tmp_path: Path
) -> None:
    file, postgres_url = tmp_path / "b.backup", site["DATABASE_URL"].replace(APP, "aragora")
    with psycopg.connect(postgres_url, autocommit=True) as connection:  # As servers should have it.
        patience = (
            f"ALTER DATABASE {connection.info.dbname} SET idle_in_transaction_session_timeout"
        )
        connection.execute(f"{patience} = '20ms'".encode())
    console.run("backup", file, env=site)
    before = everything(postgres_url)
    rows = read_manifest(file).rows
    assert rows["debates_debate"] == 3, "under a policy that hides it from whoever says nothing"

    there = environment_of(tmp_path, other_url, programs)
    console.run("restore", file, env=there)
    assert everything(other_url) == before
    succeed("migrate", "--check", env=there)
    assert "tenants are kept apart" in succeed("check_tenancy", env=there)

    with psycopg.connect(other_url, autocommit=True) as connection:
        connection.execute("DELETE FROM debates_debateevent")
        connection.execute("CREATE TABLE left_over (debate uuid REFERENCES debates_debate)")
        connection.execute(f"ALTER TABLE left_over OWNER TO {OWNER}".encode())
    assert "--replace" in console.refused("restore", file, env=there)
    console.run("restore", file, "--replace", "--no-input", env=there)
    assert everything(other_url) == before


@pytest.mark.postgres
def test_a_restore_that_fails_leaves_what_there_was(
    console: Console, site: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, postgres_url = tmp_path / "b.backup", site["DATABASE_URL"].replace(APP, "aragora")
    console.run("backup", file, env=site)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DELETE FROM debates_debateevent")
    before = everything(postgres_url)
    force = ("--replace", "--no-input")
    for damaged in (cut(file, file.stat().st_size // 2), with_manifest(file, sha256="0" * 64)):
        assert "damaged" in console.refused("restore", damaged, *force, env=site)
    rows = dict(read_manifest(file).rows) | {"debates_debate": 4}
    said = console.refused("restore", with_manifest(file, rows=rows), *force, env=site)
    assert "the rows of debates_debate are not as many" in said
    # pg_restore itself stops in the middle of it.
    with zipfile.ZipFile(file) as zipped:
        half = zipped.read("database")[:-20_000]
    broken = tmp_path / "half.backup"
    manifest = json.loads(zipfile.ZipFile(file).read("manifest.json"))
    manifest |= {"sha256": hashlib.sha256(half).hexdigest(), "bytes": len(half)}
    with zipfile.ZipFile(broken, "w") as zipped:
        zipped.writestr("database", half)
        zipped.writestr("manifest.json", json.dumps(manifest))
    assert "pg_restore failed" in console.refused("restore", broken, *force, env=site)
    assert everything(postgres_url) == before

    monkeypatch.setattr(postgresql_backup, "CHUNK_BYTES", 10_000)
    target = Target.of(postgresql(site["ARAGORA_DIRECT_DATABASE_URL"]))
    restore = partial(postgresql_backup.restore, file, read_manifest(file), target)
    restore_and_die("Restoring", 3, restore)
    wait_until(lambda: sessions(postgres_url) == 1)
    assert everything(postgres_url) == before


def sessions(url: str) -> int:
    """How many there are in the database, this one included."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).fetchone()
    return 0 if found is None else int(found[0])


@pytest.mark.postgres
def test_who_does_not_see_all_rows_makes_no_backup(
    console: Console, site: dict[str, str], postgres_url: str, programs: str, tmp_path: Path
) -> None:
    file = tmp_path / "b.backup"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS stranger")
        connection.execute("CREATE ROLE stranger LOGIN")
    try:
        stranger = environment_of(tmp_path, postgres_url, programs, "stranger")
        assert "as their owner" in console.refused("backup", file, env=stranger)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "CREATE POLICY hides ON debates_debate AS RESTRICTIVE FOR SELECT USING (false)"
            )
        said = console.refused("backup", file, env=site)
        assert "hides rows of debates_debate from aragora_owner" in said
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP ROLE stranger")
    assert not file.exists()


@pytest.mark.postgres
def test_a_backup_of_the_other_database_is_refused(
    console: Console, backup: Path, tmp_path: Path, postgres_url: str, programs: str
) -> None:
    make_roles(postgres_url)
    env = environment_of(tmp_path, postgres_url, programs)
    assert "migrate_database" in console.refused("restore", backup, env=env)


@pytest.mark.postgres
def test_without_its_programs_it_says_what_to_install(
    console: Console, site: dict[str, str], tmp_path: Path
) -> None:
    env = site | {"PATH": str(tmp_path)}
    assert "postgresql-client" in console.refused("backup", tmp_path / "b.backup", env=env)
    assert not (tmp_path / "b.backup").exists()


@pytest.mark.parametrize(("version", "is_sent"), [(160004, False), (170000, True)])
def test_a_server_is_told_what_it_understands(version: int, is_sent: bool) -> None:
    sent: list[bytes] = []
    send = understood_by(version, sent.append)
    setting = b"SET transaction_timeout = 0;\n"
    send(b"SET lock_timeout = 0;\n" + setting + b"COPY t FROM stdin;\n")
    send(setting)  # Of the data, as far as anybody knows.
    assert (setting in sent[0]) is is_sent
    assert sent[0].startswith(b"SET lock_timeout = 0;\n")
    assert sent[1] == setting


def test_a_password_is_never_an_argument() -> None:
    url = "postgresql://someone:s3cret%40word@db:5433/aragora?sslmode=require"
    target = Target.of(postgresql(url))
    assert "s3cret" not in target.conninfo
    assert "sslmode=require" in target.conninfo
    with target.environment() as environment:
        assert environment["PGPASSWORD"] == "s3cret@word"
    assert target.name == "db:5433/aragora"


@pytest.mark.parametrize("sslpassword", ["%20s3cret", "s3%0Acret"])
def test_what_a_service_file_cannot_hold_is_refused(sslpassword: str) -> None:
    target = Target.of(postgresql(f"postgresql://db/aragora?sslpassword={sslpassword}"))
    with pytest.raises(BackupRefused, match="sslpassword"), target.environment():
        pass


@pytest.mark.postgres
def test_the_secret_of_a_certificate_is_never_an_argument(
    console: Console, site: dict[str, str], programs: str, tmp_path: Path
) -> None:
    spies = tmp_path / "programs"
    spies.mkdir()
    for name in ("pg_dump", "psql"):
        program = shutil.which(name, path=programs)
        spy = spies / name
        spy.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/{name}\n'
            f'cat "$PGSERVICEFILE" > {tmp_path}/{name}.told\nexec {program} "$@"\n'
        )
        spy.chmod(0o755)
    url = site["ARAGORA_DIRECT_DATABASE_URL"]
    secret = f"{url}{'&' if '?' in url else '?'}sslpassword=s3%3Dcret%23"
    env = site | {
        "ARAGORA_DIRECT_DATABASE_URL": secret,
        "PATH": f"{spies}{os.pathsep}{programs}",
    }
    console.run("backup", tmp_path / "b.backup", env=env)
    console.run("restore", tmp_path / "b.backup", "--replace", "--no-input", env=env)
    for name in ("pg_dump", "psql"):
        assert "s3=cret" not in (tmp_path / name).read_text()
        assert "sslpassword=s3=cret#\n" in (tmp_path / f"{name}.told").read_text()
