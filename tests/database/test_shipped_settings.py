"""The shipped settings of PostgreSQL and the SQL for Supabase, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.processes import ROOT, Postgres, manage, postgres_server, server_environment

pytestmark = pytest.mark.postgres

TUNING = ROOT / "deploy" / "postgres" / "aragora.conf"
SUPABASE = ROOT / "deploy" / "supabase"


def shipped_settings() -> dict[str, str]:
    lines = re.findall(r"^(\w+) = (.+)$", TUNING.read_text(), flags=re.MULTILINE)
    return {name: value.strip("'") for name, value in lines}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    try:
        with postgres_server() as found:
            found.stop()
            with (found.data / "postgresql.conf").open("a") as configuration:
                configuration.write(TUNING.read_text())
            found.start()
            yield found
    except FileNotFoundError as missing:
        pytest.skip(f"needs {missing}")


def test_postgresql_takes_every_setting(server: Postgres) -> None:
    wanted = shipped_settings()
    assert len(wanted) > 10
    with psycopg.connect(server.url) as connection:
        for name, value in wanted.items():
            row = connection.execute(
                "SELECT current_setting(%s), context FROM pg_settings WHERE name = %s",
                [name, name.lower()] if name != "timezone" else [name, "TimeZone"],
            ).fetchone()
            assert row is not None, name
            assert row[0] in {value, value.replace("60s", "1min")}, name


def test_what_differs_from_the_guide_is_what_the_log_needs() -> None:
    wanted = shipped_settings()
    assert (wanted["wal_level"], wanted["synchronous_commit"]) == ("replica", "on")
    guide = {"max_connections": "200", "shared_buffers": "256MB"}
    guide |= {"effective_cache_size": "1GB", "work_mem": "64MB"}
    assert guide.items() <= wanted.items()


def test_strangers_lose_their_rights_on_supabase(server: Postgres, tmp_path: Path) -> None:
    everybody = ["anon", "aragora_app", "aragora_owner", "authenticated"]
    with psycopg.connect(server.url, autocommit=True) as owner:
        for role in everybody:
            owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        # As Supabase has it: who makes a table gives it to the REST interface.
        owner.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon")
        env = server_environment(tmp_path, DATABASE_URL=server.url)
        manage("migrate", "--verbosity", "0", env=env).check_returncode()
        assert strangers_rights(owner)
        for _ in range(2):
            owner.execute((SUPABASE / "roles.sql").read_bytes())
        assert strangers_rights(owner) == []
        owner.execute("CREATE TABLE later (id int)")
        assert strangers_rights(owner) == []
    with psycopg.connect(server.url.replace("//aragora@", "//aragora_app@")) as app:
        assert app.execute("SHOW timezone").fetchone() == ("UTC",)


def strangers_rights(owner: psycopg.Connection[Any]) -> list[Any]:
    """The third answer of check.sql, whose first two are looked at on the way."""
    cursor = owner.execute((SUPABASE / "check.sql").read_bytes())
    roles = {name: (bypasses, superuser) for name, bypasses, superuser in cursor.fetchall()}
    assert roles["aragora_app"] == (False, False)
    assert cursor.nextset()
    assert "debates_debate" in {row[0] for row in cursor.fetchall()}
    assert cursor.nextset()
    return cursor.fetchall()
