"""How to tell that the database was away from what it said no to."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError


def is_outage(error: BaseException) -> bool:
    """Whether the database was away, busy, or its connection cut: the same may succeed later."""
    if isinstance(error, InternalError):
        # When a pooler loses its server, it may send that error and one of its own at once. psycopg
        # then only says that it got two results; what the server says is internal has an SQLSTATE.
        return getattr(error.__cause__, "sqlstate", "") is None
    return isinstance(error, OperationalError | InterfaceError)
