"""How far away the database and Redis are. Raises what they raise when they do not answer."""

from __future__ import annotations

from django.db import DatabaseError, connections

from monitoring.capacity.machine import typical_seconds

QUERIES, COMMITS, PINGS = 200, 50, 200
REDIS_PATIENCE_SECONDS = 2


def database_seconds() -> float:
    """One query there and back."""
    with connections["default"].cursor() as cursor:
        return typical_seconds(lambda: cursor.execute("SELECT 1"), times=QUERIES)


def commit_seconds() -> float | None:
    """Until PostgreSQL has what was written on its disk. Writes into its log alone, no table; None
    where that is not allowed."""
    message = "SELECT pg_logical_emit_message(true, 'aragora', 'check_capacity')"
    try:
        with connections["default"].cursor() as cursor:
            return typical_seconds(lambda: cursor.execute(message), times=COMMITS)
    except DatabaseError:
        return None


def connections_allowed() -> int:
    """How many PostgreSQL gives to roles like ours."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true), '0')::int"
        )
        (allowed,) = cursor.fetchone()
    return int(allowed)


def redis_seconds(url: str) -> float:
    """One command there and back."""
    import redis

    patience = REDIS_PATIENCE_SECONDS
    with redis.Redis.from_url(
        url, socket_connect_timeout=patience, socket_timeout=patience
    ) as client:
        client.ping()
        return typical_seconds(client.ping, times=PINGS)
