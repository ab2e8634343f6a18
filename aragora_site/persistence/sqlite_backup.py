"""Backups of the embedded database.

The copy is one state of the database, whoever writes to it meanwhile: SQLite's online backup within
a transaction that reads. A restore goes the same way back, in one transaction of the target, so a
process that is ended in between leaves what there was.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from aragora_site.persistence.archive import (
    CHUNK_BYTES,
    BackupRefused,
    Manifest,
    Migrations,
    Report,
    Stage,
    new_archive,
    read_copy,
)

KIND = "sqlite"
PAGES = 1000
"""Copied at a time."""
BUSY_SECONDS = 20.0
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def back_up(source: Path, file: Path, *, describe: Callable[..., Manifest], stage: Stage) -> None:
    """Copy the database to a new backup. `describe` makes the manifest. Raises `BackupRefused`."""
    with (
        new_archive(file) as archive,
        tempfile.TemporaryDirectory(prefix=".aragora-backup-", dir=file.parent) as folder,
    ):
        copied = Path(folder) / "copy.sqlite3"
        _copy(source, copied, stage("Copying", source.stat().st_size))
        with closing(sqlite3.connect(copied)) as connection:
            _check(connection)
            migrations, rows = migrations_of(connection), rows_of(connection)
        size = copied.stat().st_size
        report = stage("Packing", size)
        with archive.copy(compress=True, report=report) as copy, copied.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                copy.write(chunk)
        archive.finish(
            describe(
                database=KIND,
                server=sqlite3.sqlite_version,
                migrations=migrations,
                rows=rows,
                bytes=copy.bytes,
                sha256=copy.sha256,
            )
        )


def restore(file: Path, manifest: Manifest, target: Path, *, stage: Stage) -> None:
    """Put the backup, which has been verified, in place of all that is in `target`. Raises
    `BackupRefused`, and then nothing has changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".aragora-restore-", dir=target.parent) as folder:
        unpacked = Path(folder) / "copy.sqlite3"
        report = stage("Unpacking", manifest.bytes)
        with unpacked.open("wb") as out:
            for chunk in read_copy(file):
                out.write(chunk)
                report(len(chunk))
        with closing(sqlite3.connect(unpacked)) as copy:
            _check(copy)
            if rows_of(copy) != manifest.rows:
                raise BackupRefused(f"{file} does not hold the rows that it says. Nothing changed.")
            _replace(target, copy, stage("Replacing", manifest.bytes))


def tables_in(target: Path) -> dict[str, int]:
    """The tables of a database and their rows; none where there is no file."""
    if not target.exists():
        return {}
    try:
        with closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as connection:
            return rows_of(connection)
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{target} cannot be read: {error}.") from error


def _copy(source: Path, copied: Path, report: Report) -> None:
    try:
        with (
            closing(sqlite3.connect(source, timeout=BUSY_SECONDS, isolation_level=None)) as ours,
            closing(sqlite3.connect(copied)) as copy,
        ):
            page_bytes = ours.execute("PRAGMA page_size").fetchone()[0]
            ours.execute("BEGIN")  # Without it, the copy begins anew whenever somebody writes.
            ours.execute("SELECT count(*) FROM sqlite_master").fetchone()
            ours.backup(copy, pages=PAGES, progress=_told(report, page_bytes))
            copy.execute("PRAGMA journal_mode=DELETE")  # One file.
    except sqlite3.Error as error:
        raise BackupRefused(f"{source} cannot be copied: {error}.") from error


def _replace(target: Path, copy: sqlite3.Connection, report: Report) -> None:
    page_bytes = copy.execute("PRAGMA page_size").fetchone()[0]
    try:
        with closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as connection:
            copy.backup(connection, pages=PAGES, progress=_told(report, page_bytes))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise BackupRefused(
            f"{target} cannot be replaced: {error}. Stop what uses it; nothing has changed."
        ) from error


def _told(report: Report, page_bytes: int) -> Callable[[int, int, int], None]:
    done = 0

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal done
        if status in _LOCKED:  # Python would try for ever.
            raise sqlite3.OperationalError("somebody else is writing to it")
        report((total - remaining - done) * page_bytes)
        done = total - remaining

    return progress


def _check(connection: sqlite3.Connection) -> None:
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise BackupRefused(f"The database is damaged: {verdict}. Restore an earlier backup.")


def migrations_of(connection: sqlite3.Connection) -> Migrations:
    try:
        found = connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return tuple((str(app), str(name)) for app, name in found)
    except sqlite3.OperationalError as error:
        raise BackupRefused("There is nothing to back up yet.") from error


def rows_of(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "ORDER BY name"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
        for (name,) in names
    }
