"""Keeps note of where this process's sockets are, for clients that come back empty-handed.

See `places`. What goes wrong here costs such a client its place and nobody else anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from debates.running.holders import new_holder
from debates.streaming import places
from debates.streaming.places import KEPT_SECONDS, Found, Known
from debates.streaming.queries import run_query

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 5.0
"""How much of a debate a client may be told twice when its instance dies without a word."""


class _Together:
    """Writes what comes while it writes in one go: sockets come and go by the thousand when an
    instance ends."""

    def __init__(self, write_all: Callable[[Sequence[Known]], Awaitable[None]]) -> None:
        self._write_all = write_all
        self._waiting: list[Known] = []
        self._writing = asyncio.Lock()

    async def write(self, known: Known) -> None:
        """Done when it is written."""
        self._waiting.append(known)
        async with self._writing:
            if all_of_them := self._waiting:  # Else whoever wrote before took it along.
                self._waiting = []
                await self._write_all(all_of_them)


class Whereabouts:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._holder = new_holder()
        self._open: dict[str, Callable[[], Known]] = {}
        self.begin()

    def begin(self) -> None:
        """On another event loop than before, where there was one."""
        self._coming = _Together(partial(self._note, places.keep))
        self._going = _Together(partial(self._note, places.leave))

    async def remember(self, connection: str, tell: Callable[[], Known]) -> None:
        """Note where a socket is from now on; `tell` is asked again and again."""
        self._open[connection] = tell
        await self._coming.write(tell())

    async def leave(self, known: Known, *, may_return: bool) -> None:
        """A socket is gone. It may be that its client means to come back."""
        if self._open.pop(known.connection, None) is None:
            return
        if may_return:
            await self._going.write(known)
        else:
            await self._try(places.forget, known.connection)

    async def unfollow(self, connection: str, debate_id: UUID) -> None:
        """A socket follows this debate no longer."""
        if connection in self._open:
            await self._try(places.forget, connection, debate_id)

    async def find(self, person: str) -> Found:
        """Where somebody was who has come back. Raises what the database raises."""
        return await run_query(places.find, person, now=timezone.now())

    async def run(self) -> None:
        """Until cancelled."""
        until_sweep = 0.0
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            if known := [tell() for tell in self._open.values()]:
                await self._note(places.keep, known)
            until_sweep -= REFRESH_SECONDS
            if until_sweep <= 0:
                until_sweep = KEPT_SECONDS
                await self._try(places.sweep, timezone.now())

    async def _note(self, how: Callable[..., None], known: Sequence[Known]) -> None:
        await self._try(how, known, holder=self._holder, now=timezone.now())

    async def _try(self, query: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        try:
            await run_query(query, *args, **kwargs)
        except Exception as error:  # The database is away, or this process is ending.
            log.warning("stream_places_not_kept", error=type(error).__name__)


whereabouts = Whereabouts()
