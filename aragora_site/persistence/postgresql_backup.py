"""Backups of PostgreSQL, by its own pg_dump and pg_restore.

The dump and the count of its rows are one snapshot. A restore is one transaction: what was there is
dropped, the dump is carried out, the rows are counted, and only then is all of it committed.

Row-level security holds for the owner of the tables, too. The session says that it acts for all
tenants, and is refused where a policy would still hide rows from it: a backup that holds nothing is
worse than none.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from psycopg import sql

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
from aragora_site.persistence.postgresql_target import Target, last_line
from aragora_site.tenancy.policies import SEES_ALL

KIND = "postgresql"
LOCK_SECONDS = 30
"""How long a restore waits for those who use what it drops."""
PLAIN = ("--no-owner", "--no-privileges", "--no-comments", "--enable-row-security")
"""Of a dump: who owns what, and may do what, is a matter of the database that it comes to."""

_HAS_TRANSACTION_TIMEOUT = 170000
_TRANSACTION_TIMEOUT = re.compile(rb"^SET transaction_timeout = 0;\n", re.MULTILINE)
_TABLES = """
    SELECT c.relname::text FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""
_HIDDEN = """
    SELECT c.relname::text FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND row_security_active(c.oid) AND (
        NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid
                    AND p.polname = 'tenancy_select' AND p.polpermissive AND 0 = ANY (p.polroles))
        OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive)
    ) ORDER BY 1
"""
_DROP_ALL = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                              WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
               format('%I.%I', n.nspname, c.relname) AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        ORDER BY c.relkind = 'S'
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
    END LOOP;
    FOR found IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT format('%I.%I', 'public', t.typname) AS name
        FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE t.typnamespace = 'public'::regnamespace
          AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', found.name);
    END LOOP;
END $$;
"""


def back_up(target: Target, file: Path, *, describe: Callable[..., Manifest], stage: Stage) -> None:
    """Dump the database to a new backup. `describe` makes the manifest. Raises `BackupRefused`."""
    with target.connection() as connection, new_archive(file) as archive:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        _require_sight(connection)
        snapshot = _value(connection, "SELECT pg_export_snapshot()")
        migrations = migrations_of(connection)
        command = target.command(
            *("pg_dump", "--format=custom", f"--snapshot={snapshot}", *PLAIN),
            *("--no-password", target.argument),
        )
        with (
            target.environment() as environment,
            archive.copy(compress=False, report=stage("Dumping", None)) as copy,
        ):
            _run(command, environment, copy.write)
        archive.finish(
            describe(
                database=KIND,
                server=_value(connection, "SHOW server_version"),
                migrations=migrations,
                rows=rows_of(connection),
                bytes=copy.bytes,
                sha256=copy.sha256,
            )
        )


def restore(file: Path, manifest: Manifest, target: Target, *, stage: Stage) -> None:
    """Put the backup, which has been verified, in place of all that is in the schema `public`.
    Raises `BackupRefused`, and then nothing has changed."""
    with target.connection() as connection:
        version = connection.info.server_version
    script = target.command("pg_restore", "--file=-", "--exit-on-error", *PLAIN)
    client = target.command(
        *("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password"),
        *("--output=/dev/null", target.argument),
    )
    with (
        target.environment() as environment,
        tempfile.TemporaryFile() as dump,
        tempfile.TemporaryFile() as said,
    ):
        report = stage("Unpacking", manifest.bytes)
        for chunk in read_copy(file):
            dump.write(chunk)
            report(len(chunk))
        dump.seek(0)
        report = stage("Restoring", None)
        psql = subprocess.Popen(  # noqa: S603 (found on the path, with arguments of ours)
            client, stdin=subprocess.PIPE, stderr=said, env=environment
        )
        stdin = cast(IO[bytes], psql.stdin)
        send = _sender(stdin, report)
        try:
            # psql is sent one transaction. Without its last words, COMMIT, it comes to nothing.
            send(f"BEGIN;\nSET LOCAL lock_timeout = '{LOCK_SECONDS}s';\n{_DROP_ALL}".encode())
            _run(script, environment, understood_by(version, send), given=dump)
            send(f"{_count_again(manifest)}\nCOMMIT;\n".encode())
            stdin.close()
            status = psql.wait()
        except BrokenPipeError:  # It has stopped at an error, which it has said.
            status = psql.wait() or 1
        finally:
            if psql.poll() is None:
                psql.kill()
                psql.wait()
        if status:
            raise BackupRefused(
                f"{target.name} cannot be restored: {_said(said)} Nothing was changed."
            )


def tables_in(target: Target) -> dict[str, int]:
    """The tables of a database and their rows."""
    with target.connection() as connection:
        return rows_of(connection)


# --- The parts of it ---------------------------------------------------------------------------


def _sender(psql: IO[bytes], report: Report) -> Callable[[bytes], None]:
    def send(chunk: bytes) -> None:
        psql.write(chunk)
        psql.flush()  # So that it is noticed at once when nobody reads any more.
        report(len(chunk))

    return send


def understood_by(version: int, send: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Leaves out of the first chunk of a script what pg_restore 17 says to servers of any version
    (`server_version`), and those before 17 do not know."""
    unread = version < _HAS_TRANSACTION_TIMEOUT

    def filtered(chunk: bytes) -> None:
        nonlocal unread
        if unread:
            chunk = _TRANSACTION_TIMEOUT.sub(b"", chunk, count=1)
            unread = False
        send(chunk)

    return filtered


def _count_again(manifest: Manifest) -> str:
    """Fails the transaction when a table does not hold what it should."""
    checks = []
    for table, rows in manifest.rows.items():
        said = _literal("the rows of % are not as many as they should be")
        checks.append(
            f"IF (SELECT count(*) FROM public.{_quoted(table)}) <> {rows} THEN "  # noqa: S608
            f"RAISE EXCEPTION {said}, {_literal(table)}; END IF;"
        )
    counted = " ".join(checks)
    return f"\nDO $count$ BEGIN {counted} END $count$;"


def _run(
    command: list[str],
    environment: dict[str, str],
    take: Callable[[bytes], object],
    *,
    given: IO[bytes] | None = None,
) -> None:
    """Run a program and hand on what it makes. Raises `BackupRefused` with its last words."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 (found on the path, with arguments of ours)
            command,
            stdin=given or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
        )
        stdout = cast(IO[bytes], process.stdout)
        try:
            while chunk := stdout.read(CHUNK_BYTES):
                take(chunk)
            status = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if status:
            raise BackupRefused(f"{Path(command[0]).name} failed: {_said(said)}")


def _said(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line or "error:" in line]
    return last_line("\n".join(errors or lines))


def _require_sight(connection: psycopg.Connection[Any]) -> None:
    """Raises `BackupRefused` when row-level security would hide rows."""
    hidden = [name for (name,) in connection.execute(_HIDDEN)]
    if not hidden and _active(connection) and not _value(connection, f"SELECT {SEES_ALL}()"):
        hidden = ["all"]
    if hidden:
        role = _value(connection, "SELECT current_user")
        raise BackupRefused(
            f"Row-level security hides rows of {', '.join(hidden[:3])} from {role}. Make the "
            "backup as the owner of the tables, with the policies that migrations have made, or as "
            "a superuser (ARAGORA_DIRECT_DATABASE_URL)."
        )


def _active(connection: psycopg.Connection[Any]) -> bool:
    return bool(
        _value(
            connection,
            "SELECT EXISTS (SELECT FROM pg_class c WHERE c.relkind = 'r' "
            "AND c.relnamespace = 'public'::regnamespace AND row_security_active(c.oid))",
        )
    )


def migrations_of(connection: psycopg.Connection[Any]) -> Migrations:
    try:
        found = connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    except psycopg.errors.UndefinedTable as error:
        raise BackupRefused("There is nothing to back up yet.") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupRefused(
            f"This role may not read the tables: {last_line(str(error))} Make the backup as their "
            "owner (ARAGORA_DIRECT_DATABASE_URL)."
        ) from error
    return tuple((str(app), str(name)) for app, name in found)


def rows_of(connection: psycopg.Connection[Any]) -> dict[str, int]:
    names = [name for (name,) in connection.execute(_TABLES.encode())]
    return {
        name: _value(
            connection, sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))
        )
        for name in names
    }


def _value(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query.encode() if isinstance(query, str) else query).fetchone()
    return None if row is None else row[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
