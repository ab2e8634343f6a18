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
OF_DJANGO = frozenset({"dbshell", "dumpdata", "flush", "loaddata", "migrate", "shell"})
"""Commands of Django's that see all tenants, like those of this project that say so themselves."""
GO_PAST_THE_POOLER = frozenset({"migrate", "prepare", "backup"})
CONNECT_SECONDS = 5
"""For each address that the database's host has."""


def run(arguments: Sequence[str]) -> None:
    """Carry out `manage.py …`. Exits with 1 and one line where the installation itself is wrong."""
    try:
        asks_for_help = {"-h", "--help"}.intersection(arguments)
        needs_database = NEED_DATABASE.intersection(arguments[1:2]) and not asks_for_help
        if needs_database and (problem := database_problem()):
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


def database_problem() -> str:
    """Why the database cannot be used, and what to do about it; empty when it can."""
    database = settings.DATABASES["default"]
    if not is_postgresql(settings.ARAGORA.database_url):
        try:
            connection.ensure_connection()
            connection.close()
        except Error as error:
            return (
                f"The database {database['NAME']} cannot be opened: {error}. Set ARAGORA_DATA_DIR "
                "to a folder that this account may write to."
            )
        return ""
    return _postgresql_problem(database, "DATABASE_URL")


def direct_problem() -> str:
    """Why the database cannot be reached past the pooler; empty when it can, or need not."""
    environment = settings.ARAGORA
    if not environment.direct_database_url or not is_postgresql(environment.database_url):
        return ""
    return _postgresql_problem(
        postgresql(environment.direct_database_url), "ARAGORA_DIRECT_DATABASE_URL"
    )


def _postgresql_problem(database: dict[str, Any], variable: str) -> str:
    # Around the pool, which would go on trying for as long as a request may wait.
    import psycopg

    host, port = database["HOST"] or "localhost", database["PORT"] or 5432
    ours = {"pool", "prepare_threshold", "server_side_binding", "assume_role", "isolation_level"}
    options = {name: value for name, value in database["OPTIONS"].items() if name not in ours}
    try:
        psycopg.connect(
            **{"connect_timeout": CONNECT_SECONDS, **options},
            host=host,
            port=port,
            dbname=database["NAME"],
            user=database["USER"] or None,
            password=database["PASSWORD"] or None,
        ).close()
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip(" -")
        if database["PASSWORD"]:
            reason = reason.replace(database["PASSWORD"], "…")
        return (
            f"The database at {host}:{port}/{database['NAME']} cannot be reached: "
            f"{reason.rstrip('.')}. Start it, or correct {variable}; without DATABASE_URL "
            "Aragora uses a file of its own."
        )
    return ""
