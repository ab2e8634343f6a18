"""The threads on which workers and the stream talk to the database.

A few of their own for each, so that a slow request holds neither of them up, nor one of them the
other, and one hop from the event loop covers a whole transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

from aragora_site.threads import Threads, database_line

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads:
    """A fixed number of threads, each with database connections of its own."""

    def __init__(self, size: int, *, name: str = "debate-db") -> None:
        self._threads = Threads(size, name=name, at_end=connections.close_all, line=database_line())

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work on one of the threads. Once begun it is done to its end, also when the
        caller is cancelled."""
        job = partial(_with_connections, work, *args, **kwargs)
        return await self._threads.submit(job).result

    def close(self) -> None:
        """Wait for what is under way, close the connections and end the threads."""
        self._threads.close()


def _with_connections(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Give back connections that broke, or that a pool lends for one use only."""
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
