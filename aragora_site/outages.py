"""How to tell what the database may say yes to another time."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError

_CUT = ("25P03", "25P04", None)
"""What the server says of a transaction that was idle, or went on, for too long, as that of a
process that was stopped meanwhile; and psycopg itself: when a pooler loses its server, it may send
that error and one of its own at once, and all that is told is that there were two results."""


def may_succeed_later(error: BaseException) -> bool:
    """Whether the database was away or busy, the connection cut, or the statement given up for want
    of time, memory or a lock."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", "") in _CUT
    return isinstance(error, OperationalError | InterfaceError)
