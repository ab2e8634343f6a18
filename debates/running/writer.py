"""Group commit: whatever is to be written at the same moment shares one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import Error, connection

from aragora_site.outages import may_succeed_later
from debates.running.checkpoint import (
    Checkpoint,
    Key,
    Outcome,
    Standing,
    Unanswered,
    are_written,
    reason_behind,
    write_checkpoints,
)
from debates.running.threads import DatabaseThreads
from debates.streaming.publisher import publish

log = structlog.get_logger(__name__)

MAX_GROUP = 64
JOINING_TURNS = 4
"""Turns of the event loop that a group waits for more. Within these a debate whose last turn of a
phase is over finds out what comes next, and has that written with it."""
TRIES = 5
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 1.6

Written = asyncio.Future[Standing]
_Waiting = tuple[Checkpoint, Written]


class Writer:
    """Writes checkpoints in the order in which they come, as many in a transaction as have come
    since the last one began. Belongs to one event loop."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        # Groups that lock ratings in different orders could wait for each other.
        self._one_finale = bool(connection.features.has_select_for_update)

    def write(self, checkpoint: Checkpoint) -> Written:
        """Done when the checkpoint is committed, with how the debate stands then. Fails with
        `FenceMoved` or `Disturbed`; with what the database raised at the last try; or with
        `Unanswered`, if it may be committed or not. In these last cases whatever waits of the same
        debate fails with it: what came later must not be stored without what came before."""
        done: Written = asyncio.get_running_loop().create_future()
        self._waiting.append((checkpoint, done))
        if self._task is None:
            self._task = asyncio.create_task(self._write_all(), name="debate-writer")
        return done

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                for _ in range(JOINING_TURNS):
                    await asyncio.sleep(0)
                await self._write_group(self._next_group())
        finally:
            self._task = None

    def _next_group(self) -> list[_Waiting]:
        size, finales = 0, 0
        for checkpoint, _ in self._waiting[:MAX_GROUP]:
            finales += checkpoint.finale is not None and checkpoint.finale.locks_more
            if finales > 1 and self._one_finale:
                break
            size += 1
        group, self._waiting = self._waiting[:size], self._waiting[size:]
        return group

    async def _write_group(self, group: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._write_patiently([checkpoint for checkpoint, _ in group])
        except Unanswered as error:
            for one in group:
                self._give_up(one, error)
            return
        except Exception as error:
            if len(group) > 1:
                await self._write_apart(group)
            else:
                self._give_up(group[0], error)
            return
        for (checkpoint, done), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                _fail(done, outcome)
                continue
            publish(checkpoint.debate_id, outcome.rows)
            if not done.done():
                done.set_result(outcome)

    async def _write_apart(self, group: Sequence[_Waiting]) -> None:
        """One of them cannot be written. The others must not suffer for it, but for those that
        follow it in the same debate."""
        failed: dict[Key, BaseException] = {}
        for one in group:
            key, done = one[0].key, one[1]
            if (error := failed.get(key)) is not None:
                self._give_up(one, reason_behind(error))
                continue
            await self._write_group([one])
            if not done.cancelled() and (error := done.exception()) is not None:
                failed[key] = error

    def _give_up(self, failed: _Waiting, error: BaseException) -> None:
        """It cannot be written, nor what waits behind it in the same debate."""
        key = failed[0].key
        behind = [one for one in self._waiting if one[0].key == key]
        self._waiting = [one for one in self._waiting if one[0].key != key]
        _fail(failed[1], error)
        for _, done in behind:
            _fail(done, reason_behind(error))

    async def _write_patiently(self, checkpoints: Sequence[Checkpoint]) -> list[Outcome]:
        """Try again while the database cannot be reached: turns that are paid for are at stake.
        What it raises is raised of steps that are not written, but for `Unanswered`."""
        tries = 0
        while True:
            try:
                return await self._threads.run(write_checkpoints, checkpoints)
            except Unanswered as unanswered:
                if await self._is_written(unanswered):
                    return unanswered.outcomes
                error = unanswered.error
            except Error as said:
                if not may_succeed_later(said):
                    raise
                error = said
            tries += 1
            if tries == TRIES:
                raise error
            log.warning("checkpoint_retried", error=type(error).__name__, attempt=tries)
            await asyncio.sleep(FIRST_WAIT_SECONDS * 2 ** (tries - 1))

    async def _is_written(self, unanswered: Unanswered) -> bool:
        """Ask the log, for as long as a lease lasts. To write without knowing could be to write
        twice, so then it raises `Unanswered`."""
        give_up_at = time.monotonic() + settings.ARAGORA.lease_seconds
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                return await self._threads.run(are_written, unanswered.outcomes)
            except Error as error:
                if not may_succeed_later(error) or time.monotonic() + wait > give_up_at:
                    raise unanswered from error
                log.warning("checkpoint_unanswered", error=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def _fail(done: Written, error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
