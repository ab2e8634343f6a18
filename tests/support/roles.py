"""The roles of a real installation: one owns the tables, the other is the program's."""

from pathlib import Path
from typing import Any

import psycopg

from tests.support.processes import manage, server_environment

ROLES = Path(__file__).parents[2] / "deploy" / "postgres" / "roles.sql"
OWNER, APP = "aragora_owner", "aragora_app"


def as_role(url: str, role: str) -> str:
    """The same database, for another role; the tests' servers ask for no password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.rpartition('@')[2]}"


def make_roles(url: str, *, creates_databases: bool = False) -> None:
    """Carry out the shipped file as the superuser of `url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ROLES.read_bytes())
        if creates_databases:
            connection.execute(f"ALTER ROLE {OWNER} CREATEDB".encode())


def prepare_as_owner(directory: Path, url: str) -> None:
    """Bring an empty database to where `prepare` leaves it, by the two roles."""
    make_roles(url)
    env = server_environment(directory, DATABASE_URL=as_role(url, OWNER))
    prepared = manage("prepare", env=env)
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr


def become(role: str) -> None:
    """Have Django's default connection, in every thread, be that role from now on."""
    from django.conf import settings
    from django.db import connections

    connection: Any = connections["default"]
    connection.close()
    connection.close_pool()
    connection.settings_dict["USER"] = settings.DATABASES["default"]["USER"] = role
    connections.settings["default"]["USER"] = role


def let_app_flush() -> None:
    """What no program needs: tests that commit empty the tables by TRUNCATE."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {APP}")
