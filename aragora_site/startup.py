"""The command line, with what stops every command said in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import Error, connection

from aragora_site.databases import is_postgresql, postgresql
from aragora_site.tenancy.scopes import Purpose, across_tenants

NEED_DATABASE = frozenset(
    {"agents", "debate", "load_demo", "migrate", "prepare", "recompute_ratings", "serve"}
    | {"setup_agents", "createsuperuser", "create_internal_key", "worker", "backup"}
)
NEED_TABLES = NEED_DATABASE - {"migrate", "prepare"}
OF_DJANGO = frozenset({"dbshell", "dumpdata", "flush", "loaddata", "migrate", "shell"})
"""Commands of Django's that see all tenants, like those of this project that say so themselves."""
GO_PAST_THE_POOLER = frozenset({"migrate", "prepare", "backup"})
NOT_PREPARED = "The database is not ready. Run: python manage.py prepare"
TABLE = "debates_debate"
CONNECT_SECONDS = 5
"""For each address that the database's host has."""


def run(arguments: Sequence[str]) -> None:
    """Carry out `manage.py …`. Exits with 1 and one line where the installation itself is wrong."""
    try:
        asks_for_help = {"-h", "--help"}.intersection(arguments)
        needs_database = NEED_DATABASE.intersection(arguments[1:2]) and not asks_for_help
        needs_tables = NEED_TABLES.intersection(arguments[1:2]) and "--prepare" not in arguments
        if needs_database and (problem := database_problem(tables=bool(needs_tables))):
            sys.exit(problem)
        if GO_PAST_THE_POOLER.intersection(arguments[1:]) and (problem := direct_problem()):
            sys.exit(problem)
        if OF_DJANGO.intersection(arguments[1:2]):
            with across_tenants(Purpose.OPERATOR):
                execute_from_command_line(list(arguments))
        else:
            execute_from_command_line(list(arguments))
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def database_problem(*, tables: bool = False) -> str:
    """Why the database cannot be used, with `tables` also for want of them, and what to do about
    it; empty when it can."""
    database = settings.DATABASES["default"]
    if not is_postgresql(settings.ARAGORA.database_url):
        try:
            connection.ensure_connection()
            # Past Django, which is not set up yet.
            rows = connection.connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = ?", [TABLE]
            )
            found = not tables or rows.fetchone()
            connection.close()
        except Error as error:
            return (
                f"The database {database['NAME']} cannot be opened: {error}. Set ARAGORA_DATA_DIR "
                "to a folder that this account may write to."
            )
        return "" if found else NOT_PREPARED
    return _postgresql_problem(database, "DATABASE_URL", tables=tables)


def direct_problem() -> str:
    """Why the database cannot be reached past the pooler; empty when it can, or need not."""
    environment = settings.ARAGORA
    if not environment.direct_database_url or not is_postgresql(environment.database_url):
        return ""
    return _postgresql_problem(
        postgresql(environment.direct_database_url), "ARAGORA_DIRECT_DATABASE_URL"
    )


def _postgresql_problem(database: dict[str, Any], variable: str, *, tables: bool = False) -> str:
    # Around the pool, which would go on trying for as long as a request may wait.
    import psycopg

    host, port = database["HOST"] or "localhost", database["PORT"] or 5432
    ours = {"pool", "prepare_threshold", "server_side_binding", "assume_role", "isolation_level"}
    options = {name: value for name, value in database["OPTIONS"].items() if name not in ours}
    try:
        with psycopg.connect(
            **{"connect_timeout": CONNECT_SECONDS, **options},
            host=host,
            port=port,
            dbname=database["NAME"],
            user=database["USER"] or None,
            password=database["PASSWORD"] or None,
        ) as connected:
            found = not tables or connected.execute("SELECT to_regclass(%s)", [TABLE]).fetchone()
    except psycopg.Error as error:
        lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]
        reason = (lines or [type(error).__name__])[-1].strip(" -")
        if database["PASSWORD"]:
            reason = reason.replace(database["PASSWORD"], "…")
        return (
            f"The database at {host}:{port}/{database['NAME']} cannot be reached: "
            f"{reason.rstrip('.')}. Start it, or correct {variable}; without DATABASE_URL "
            "Aragora uses a file of its own."
        )
    return NOT_PREPARED if found == (None,) else ""
