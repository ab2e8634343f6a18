"""Django's databases, derived from the environment: the default one, and the replica if there is.

Imports no models: settings are made from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dj_database_url

from aragora_site.environment import Environment

DEFAULT, REPLICA = "default", "replica"
FIRST_CONNECTIONS = 4
"""Connections that a pool opens before anybody asks, as far as it may."""
NOTICE_DEATH = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""A server that is gone without a word is noticed within a minute, seconds and milliseconds."""
REPLICA_PATIENCE_SECONDS = 2
"""The primary can answer as well: nobody waits long for a replica."""


def databases(environment: Environment) -> dict[str, dict[str, Any]]:
    """The value of Django's DATABASES."""
    if not is_postgresql(environment.database_url):
        return {DEFAULT: _sqlite(environment)}
    found = {DEFAULT: _pooled(environment.database_url, environment)}
    if environment.replica_database_url:
        found[REPLICA] = _replica(environment)
    return found


def is_postgresql(url: str) -> bool:
    return url.startswith(("postgres://", "postgresql://"))


def sqlite_url(environment: Environment) -> str:
    """The address of the embedded database, also where another one is in use."""
    if environment.database_url and not is_postgresql(environment.database_url):
        return environment.database_url
    return f"sqlite:///{environment.data_dir / 'aragora.sqlite3'}"


def parse(url: str) -> dict[str, Any]:
    """One database of Django's from its URL; what stands after `?` are options of the driver."""
    return dict(dj_database_url.parse(url))


def _sqlite(environment: Environment) -> dict[str, Any]:
    return parse(sqlite_url(environment)) | {
        "ENGINE": "aragora_site.sqlite",
        # Threads keep their connection: opening one costs the pragmas below.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            # Deferred transactions that turn into writers fail at once under WAL; IMMEDIATE ones
            # wait for their turn.
            "transaction_mode": "IMMEDIATE",
            # Every thread has a connection, and every connection a cache of its own; what is mapped
            # is shared.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;"
                "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=134217728;"
            ),
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """PostgreSQL, fit for a pooler in transaction mode: nothing that outlives a transaction is
    used. One connection a thread."""
    parsed = parse(url)
    return parsed | {
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {**NOTICE_DEATH, **parsed.get("OPTIONS", {}), "prepare_threshold": None},
    }


def _pooled(url: str, environment: Environment) -> dict[str, Any]:
    # The driver takes half a second to import, and most installations have no PostgreSQL.
    from aragora_site.pooled import PooledConnection

    most = environment.db_pool_size + environment.db_pool_overflow
    database = postgresql(url)
    # No request pays for a database or a pooler that was restarted.
    database["CONN_HEALTH_CHECKS"] = True
    database["OPTIONS"]["pool"] = {
        "connection_class": PooledConnection,
        "min_size": min(FIRST_CONNECTIONS, environment.db_pool_size),
        "max_size": most,
        "timeout": environment.db_pool_timeout,
        # Whoever comes after as many as there are connections is answered 503 at once.
        "max_waiting": most,
    }
    return database


def _replica(environment: Environment) -> dict[str, Any]:
    database = _pooled(environment.replica_database_url, environment)
    options = database["OPTIONS"]
    options["connect_timeout"] = REPLICA_PATIENCE_SECONDS
    options["pool"] |= {"min_size": 0, "timeout": REPLICA_PATIENCE_SECONDS}
    return database | {"TEST": {"MIRROR": DEFAULT}}


@contextmanager
def past_the_pooler() -> Iterator[None]:
    """Within it, this thread's default connection goes to `ARAGORA_DIRECT_DATABASE_URL`, if that is
    set: for migrations, which hold locks over many statements."""
    from django.conf import settings
    from django.db import connections
    from django.db.utils import load_backend

    environment: Environment = settings.ARAGORA
    url, usual = environment.direct_database_url, connections[DEFAULT]
    if not url or usual.vendor != "postgresql" or not _is_configured(usual, environment):
        yield
        return
    configured = {**usual.settings_dict, "CONN_HEALTH_CHECKS": False, **postgresql(url)}
    direct = load_backend(configured["ENGINE"]).DatabaseWrapper(configured, DEFAULT)
    connections[DEFAULT] = direct
    try:
        yield
    finally:
        connections[DEFAULT] = usual
        direct.close()


def _is_configured(connection: Any, environment: Environment) -> bool:
    """A database of the tests is not: it has another name, and no other way leads to it."""
    return bool(connection.settings_dict["NAME"] == parse(environment.database_url)["NAME"])
