"""What memory is told of the debates that run here: what they were shown, and what they left.

A moment later and in lots, since debates that end together leave what belongs together: to store it
for thirty costs little more than for one. Holds no debate up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.running.threads import DatabaseThreads
from debates.services.remembering import remember_debates
from memory.services import entries

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.5
"""How long what comes first waits for more."""
MOST_TOGETHER = 50


class Afterwards:
    """Belongs to one event loop. A worker that dies before it has written loses counts of uses, and
    what its debates left is made up for by `remember_missed`."""

    def __init__(self, threads: DatabaseThreads, now: Callable[[], datetime]) -> None:
        self._threads = threads
        self._now = now
        self._uses: Counter[int] = Counter()
        self._over: list[UUID] = []
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def used(self, entry_ids: Iterable[int]) -> None:
        """A debate was shown these entries of memory."""
        self._uses.update(entry_ids)
        if self._uses:
            self._begin()

    def over(self, debate_id: UUID) -> None:
        """A debate has come to its verdict."""
        self._over.append(debate_id)
        self._begin()

    async def finish(self) -> None:
        """Write what waits, at once."""
        self._hurry.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._write_all(), name="debates-afterwards")

    async def _write_all(self) -> None:
        try:
            while self._uses or self._over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), GATHER_SECONDS)
                uses, self._uses = self._uses, Counter()
                over, self._over = self._over[:MOST_TOGETHER], self._over[MOST_TOGETHER:]
                try:
                    await self._threads.run(tell_memory, uses=uses, over=over, now=self._now())
                except Exception as error:  # The database is away.
                    log.warning("memory_not_told", error=type(error).__name__)
        finally:
            self._task = None


@across_tenants(Purpose.QUEUE)
def tell_memory(*, uses: Mapping[int, int], over: Sequence[UUID], now: datetime) -> None:
    """Count what was used, and keep what completed debates leave. Blocking."""
    if uses:
        try:
            entries.use(uses=uses, now=now)
        except DatabaseError as error:  # That it was not counted undoes nothing.
            log.warning("memory_use_not_counted", error=type(error).__name__)
    if over:
        remember_debates(debate_ids=over, now=now)
