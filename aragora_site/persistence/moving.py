"""Moves every row of an SQLite installation to a PostgreSQL one.

1. The source is opened read-only and has to be up to date; its rows are read in one transaction.
2. The target is brought up to date and has to be empty, but for what a move from the same source
   has left there.
3. Table by table, in an order in which every reference finds its row, and batch by batch. A batch
   and the note how far the move has come are one transaction in the target, so a move that was
   ended at any moment goes on where it was.
4. Sequences are set, the rows of both sides counted and compared by checksum, and the note removed.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.apps import apps
from django.core.management.color import no_style
from django.db import DatabaseError, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.db.models.sql import InsertQuery
from django.db.utils import DEFAULT_DB_ALIAS

from aragora_site.databases import parse, postgresql
from aragora_site.environment import BASE_DIR
from aragora_site.persistence.checksums import Checksum

SOURCE, TARGET = "move_source", "move_target"
NOTE = "aragora_move"
"""The target's table of how far a move has come."""
DERIVED = ("contenttypes.ContentType", "auth.Permission")
"""Tables that `migrate` itself fills; the source's rows take the place of what is there."""
MIGRATION_SECONDS = 600

Report = Callable[[str, int], None]
"""Told the table and how many rows more are done."""


class MoveRefused(Exception):
    """The move cannot be made; one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is moved of a model."""

    model: type[Model]
    rows: int
    at_once: bool
    """Its rows refer to each other, so that they go in one transaction."""

    @property
    def name(self) -> str:
        return self.model._meta.db_table


@dataclass(frozen=True, slots=True)
class Plan:
    """What a move would do."""

    tables: tuple[Table, ...]
    resumes: bool
    """A move from this source has begun already."""
    target_is_migrated: bool


@contextmanager
def databases(source: Path, target_url: str) -> Iterator[None]:
    """Both ends as databases of Django's, under `SOURCE` and `TARGET`. Raises `MoveRefused` at the
    end when something has written to the source meanwhile: that was not moved."""
    described = {
        SOURCE: {**parse("sqlite:///:memory:"), "NAME": _read_only(source)},
        TARGET: {**postgresql(target_url), "CONN_HEALTH_CHECKS": False},
    }
    for alias, settings in described.items():
        connections.databases[alias] = connections.configure_settings(
            {DEFAULT_DB_ALIAS: {}, alias: settings}
        )[alias]
    try:
        before = _version_of_source()
        with transaction.atomic(using=SOURCE):  # One state of the source, whoever writes to it.
            yield
        if _version_of_source() != before:
            raise MoveRefused(
                f"Something has written to {source} meanwhile, and that was not moved. Stop the "
                "servers, and move again to an empty database."
            )
    finally:
        for alias in described:
            connections[alias].close()
            del connections[alias]
            del connections.databases[alias]


def _version_of_source() -> int:
    """A number that changes when another connection has written there."""
    with connections[SOURCE].cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        (version,) = cursor.fetchone()
    return int(version)


def _read_only(file: Path) -> str:
    """The address that SQLite opens the file by without ever writing to it."""
    address = f"file:{quote(str(file.resolve()))}"
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        if "immutable" in mode and Path(f"{file}-wal").exists():
            break  # What stands there belongs to the database.
        try:
            probe = sqlite3.connect(f"{address}?{mode}", uri=True)
            try:
                probe.execute("SELECT count(*) FROM sqlite_master")
            finally:
                probe.close()
        except sqlite3.Error as error:
            reason = str(error)
        else:
            return f"{address}?{mode}"
    raise MoveRefused(f"The database {file} cannot be read: {reason}.")


# --- Planning ----------------------------------------------------------------------------------


def plan_move(source: Path) -> Plan:
    """What there is to do. Raises `MoveRefused`. Changes nothing."""
    if missing := _unapplied(SOURCE):
        raise MoveRefused(
            f"{source} is not up to date ({', '.join(missing[:3])}). Run `manage.py migrate` on it "
            "first, with DATABASE_URL unset or set to it."
        )
    try:
        connections[TARGET].ensure_connection()
    except DatabaseError as error:
        raise MoveRefused(f"The target cannot be reached: {_line(error)}.") from error
    migrated = not _unapplied(TARGET)
    if unknown := _unknown(TARGET):
        raise MoveRefused(
            f"The target was made by another version of Aragora ({', '.join(unknown[:3])}). Move "
            "with that version, or to an empty database."
        )
    resumes = migrated and _is_own_move(source)
    if not resumes:
        _require_empty()
    tables = tuple(
        Table(model, _rows(model, SOURCE).count(), _refers_to_itself(model)) for model in _models()
    )
    return Plan(tables, resumes, migrated)


def migrate_target(url: str) -> None:
    """Bring the target up to date, in a process whose only database it is."""
    environment = os.environ | {"DATABASE_URL": url, "ARAGORA_DIRECT_DATABASE_URL": ""}
    environment["ARAGORA_REPLICA_DATABASE_URL"] = ""
    done = subprocess.run(  # noqa: S603 (our own interpreter and file)
        [sys.executable, str(BASE_DIR / "manage.py"), "migrate", "--no-input", "--verbosity", "0"],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=MIGRATION_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise MoveRefused(f"The target could not be brought up to date: {last}")


def _unapplied(alias: str) -> list[str]:
    """The migrations of moved models that a database lacks."""
    loader = MigrationLoader(connections[alias])
    moved = {model._meta.app_label for model in _models()}
    lacking = set(loader.disk_migrations) - set(loader.applied_migrations)
    return sorted(f"{app}.{name}" for app, name in lacking if app in moved)


def _unknown(alias: str) -> list[str]:
    """The migrations that a database has, of apps of ours, and that this version does not know."""
    loader = MigrationLoader(connections[alias])
    ours = {model._meta.app_label for model in _models()}
    known = set(loader.disk_migrations) | {
        replaced for migration in loader.replacements.values() for replaced in migration.replaces
    }
    applied = set(loader.applied_migrations) - known
    return sorted(f"{app}.{name}" for app, name in applied if app in ours)


def _models() -> list[type[Model]]:
    """Those with a table of ours, each after all that it refers to."""
    models = {
        model: {
            field.related_model
            for field in model._meta.local_concrete_fields
            if field.is_relation and isinstance(field.related_model, type)
        }
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and not model._meta.swapped
    }
    order: TopologicalSorter[type[Model]] = TopologicalSorter()
    for model, needed in models.items():
        order.add(model, *(other for other in needed if other is not model and other in models))
    try:
        found = []
        order.prepare()
        while order.is_active():
            ready = sorted(order.get_ready(), key=lambda model: model._meta.label)
            found += ready
            order.done(*ready)
        return found
    except CycleError as error:
        names = ", ".join(sorted(model._meta.label for model in error.args[1]))
        raise MoveRefused(f"These tables refer to each other in a circle: {names}.") from error


def _fields(model: type[Model]) -> list[Any]:
    """What is stored of a row; what the database computes is left to it."""
    return [field for field in model._meta.local_concrete_fields if not field.generated]


def _refers_to_itself(model: type[Model]) -> bool:
    return any(field.related_model is model for field in model._meta.local_concrete_fields)


def _rows(model: type[Model], alias: str) -> Any:
    return model._base_manager.using(alias)


def _require_empty() -> None:
    found = set(connections[TARGET].introspection.table_names())
    for model in _models():
        if model._meta.label in DERIVED or model._meta.db_table not in found:
            continue
        if _rows(model, TARGET).exists():
            raise MoveRefused(
                f"The target holds rows already, in {model._meta.db_table}. Name an empty database."
            )


# --- The note of how far it has come -----------------------------------------------------------


def _is_own_move(source: Path) -> bool:
    connection = connections[TARGET]
    if NOTE not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT source FROM aragora_move LIMIT 1")
        row = cursor.fetchone()
    if row is not None and row[0] != str(source.resolve()):
        raise MoveRefused(
            f"A move from {row[0]} to this target has begun and is not finished. Finish it, or "
            "name an empty database."
        )
    return row is not None


def _begin(source: Path, tables: Sequence[Table]) -> None:
    """Note the move, and make room for the rows that take the place of derived ones."""
    with transaction.atomic(using=TARGET), connections[TARGET].cursor() as cursor:
        cursor.execute(
            "CREATE TABLE aragora_move (source text NOT NULL, name text PRIMARY KEY,"
            " rows bigint NOT NULL DEFAULT 0, last text)"
        )
        cursor.executemany(
            "INSERT INTO aragora_move (source, name) VALUES (%s, %s)",
            [(str(source.resolve()), table.name) for table in tables],
        )
        for label in reversed(DERIVED):
            _rows(apps.get_model(label), TARGET).all().delete()


def _progress(table: Table) -> tuple[int, str | None]:
    with connections[TARGET].cursor() as cursor:
        cursor.execute("SELECT rows, last FROM aragora_move WHERE name = %s", [table.name])
        row: tuple[int, str | None] | None = cursor.fetchone()
    if row is None:
        raise MoveRefused("The move was begun by another version of Aragora. Begin it again.")
    return row


def _advance(table: Table, before: int, after: int, last: str) -> None:
    with connections[TARGET].cursor() as cursor:
        cursor.execute(
            "UPDATE aragora_move SET rows = %s, last = %s WHERE name = %s AND rows = %s",
            [after, last, table.name, before],
        )
        if cursor.rowcount != 1:
            raise MoveRefused("Another process is moving to this target as well. Leave it to that.")


# --- Moving ------------------------------------------------------------------------------------


def move(source: Path, plan: Plan, *, batch_size: int, report: Report) -> None:
    """Carry the plan out; the target must be migrated. Raises `MoveRefused` for what stands in the
    way; the same move may be made again then, and goes on."""
    if not plan.resumes:
        _begin(source, plan.tables)
    for table in plan.tables:
        _move_table(table, batch_size, report)
    _finish(plan, batch_size)


def _move_table(table: Table, batch_size: int, report: Report) -> None:
    done, last = _progress(table)
    report(table.name, done)
    if table.at_once:
        if not done and table.rows:
            with transaction.atomic(using=TARGET):
                _move_batches(table, 0, None, batch_size, report)
        return
    _move_batches(table, done, last, batch_size, report)


def _move_batches(
    table: Table, done: int, last: str | None, batch_size: int, report: Report
) -> None:
    for batch in _batches(table.model, SOURCE, batch_size, after=last):
        try:
            with transaction.atomic(using=TARGET):
                _insert(table.model, batch)
                _advance(table, done, done + len(batch), str(batch[-1].pk))
        except DatabaseError as error:
            raise MoveRefused(
                f"{table.name}: the rows {batch[0].pk} to {batch[-1].pk} cannot be stored: "
                f"{_line(error)}. Correct them in the source and move again; it goes on from there."
            ) from error
        done += len(batch)
        report(table.name, len(batch))


def _batches(
    model: type[Model], alias: str, size: int, *, after: str | None = None
) -> Iterator[list[Any]]:
    """All rows in the order of their keys, as that database sees it."""
    rows = _rows(model, alias).order_by("pk")
    while batch := list((rows if after is None else rows.filter(pk__gt=after))[:size]):
        yield batch
        after = str(batch[-1].pk)


def _insert(model: type[Model], batch: Sequence[Any]) -> None:
    """As they are: no field may put a value of its own in place of the one that was read."""
    query = InsertQuery(model)
    query.insert_values(_fields(model), list(batch), raw=True)
    query.get_compiler(using=TARGET).execute_sql()


def _finish(plan: Plan, batch_size: int) -> None:
    for table in plan.tables:
        here, there = (_checksum(table.model, alias, batch_size) for alias in (SOURCE, TARGET))
        if here != there:
            raise MoveRefused(
                f"{table.name} is not the same on both sides ({here.rows} and {there.rows} rows). "
                "Something has written to one of them meanwhile: stop it, and move again to an "
                "empty database."
            )
    connection = connections[TARGET]
    with transaction.atomic(using=TARGET), connection.cursor() as cursor:
        models = [table.model for table in plan.tables]
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
        cursor.execute("DROP TABLE aragora_move")


def _checksum(model: type[Model], alias: str, batch_size: int) -> Checksum:
    names = [field.attname for field in _fields(model)]
    checksum = Checksum()
    for batch in _batches(model, alias, batch_size):
        checksum = checksum.with_rows([getattr(row, name) for name in names] for row in batch)
    return checksum


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
