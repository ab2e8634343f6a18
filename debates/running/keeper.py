"""Keeps the runs of this process: leases renewed, and orders passed on from the database."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from debates.choices import DebateStatus
from debates.providers.gateway import Gateway
from debates.running import claims, wake
from debates.running.afterwards import Afterwards
from debates.running.holders import new_holder
from debates.running.loading import Loaded
from debates.running.run import DebateRun, Ending, Order
from debates.running.threads import DatabaseThreads
from debates.running.writer import Writer

T = TypeVar("T")

log = structlog.get_logger(__name__)

CONTROL_SECONDS = 0.5
"""A debate that is cancelled in another process stops spending within this, and a little."""
RENEWALS = 4
"""How often a lease is renewed while it lasts."""
DATABASE_THREADS = 3

Claim = tuple[UUID, int]
"""A debate, and the fence under which it is held: a debate that was let go may be claimed again
before its former run has quite ended."""


class Keeper:
    """Runs debates that were claimed in its name. Belongs to one event loop."""

    def __init__(
        self,
        *,
        gateway: Gateway | None = None,
        holder: str = "",
        on_free: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`on_free` is called on the loop whenever a run has ended."""
        self.holder = holder or new_holder()
        self.threads = DatabaseThreads(DATABASE_THREADS)
        self.now = now
        self._gateway = gateway or Gateway()
        self._writer = Writer(self.threads)
        self._on_free = on_free
        self._runs: dict[Claim, DebateRun] = {}
        self._tasks: dict[Claim, asyncio.Task[Ending]] = {}
        self._afterwards = Afterwards(self.threads, now)
        self._watch: asyncio.Task[None] | None = None
        self._order = Order.GO_ON
        self._look = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def running(self) -> list[UUID]:
        """The debates that are in hand."""
        return [debate_id for debate_id, _ in self._tasks]

    def start(self) -> None:
        """Begin to watch over what will be launched."""
        wake.add_listener(self._woken)
        self._watch = spawn(self._keep_watch(), "debate-watch")

    def launch(self, loaded: Loaded) -> asyncio.Task[Ending]:
        """Go on with a debate that was claimed in this keeper's name."""
        run = DebateRun(
            loaded,
            gateway=self._gateway,
            writer=self._writer,
            threads=self.threads,
            now=self.now,
        )
        run.order(self._order)
        claim = (run.debate_id, run.fence)
        task = spawn(run.run(), f"debate {run.debate_id}")
        self._runs[claim], self._tasks[claim] = run, task
        self._afterwards.used(loaded.recalled_ids)
        task.add_done_callback(lambda done: self._ended(claim, done))
        return task

    def order(self, order: Order) -> None:
        """Give every run the same order, those too that are about to begin."""
        self._order = order
        for run in self._runs.values():
            run.order(order)

    async def stop(self, *, grace_seconds: float) -> None:
        """Let running turns finish within the grace, hand the debates back and end."""
        self.order(Order.LEAVE)
        if tasks := list(self._tasks.values()):
            log.info("debates_draining", debates=len(tasks), grace_seconds=grace_seconds)
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            if late:
                self.order(Order.LEAVE_NOW)
                await asyncio.wait(late)
        await self._afterwards.finish()
        wake.remove_listener(self._woken)
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await asyncio.to_thread(self.threads.close)

    # --- Runs ----------------------------------------------------------------------------------

    def _ended(self, claim: Claim, done: asyncio.Task[Ending]) -> None:
        self._runs.pop(claim, None)
        self._tasks.pop(claim, None)
        self._on_free()
        if not done.cancelled() and done.result() is Ending.COMPLETED:
            self._afterwards.over(claim[0])

    # --- Watching ------------------------------------------------------------------------------

    async def _keep_watch(self) -> None:
        renewed = time.monotonic()
        renew_seconds = settings.ARAGORA.lease_seconds / RENEWALS
        while True:
            await wait_for_event(self._look, CONTROL_SECONDS)
            self._look.clear()
            try:
                await self._pass_orders_on()
                if self._tasks and time.monotonic() - renewed >= renew_seconds:
                    await self.threads.run(
                        claims.renew_leases,
                        holder=self.holder,
                        debate_ids=self.running,
                        now=self.now(),
                    )
                    renewed = time.monotonic()
            except Exception as error:  # The database is away; so it is for everybody.
                log.warning("debate_watch_failed", error=type(error).__name__)

    async def _pass_orders_on(self) -> None:
        runs = list(self._runs.values())
        if not runs:
            return
        controls = await self.threads.run(claims.read_controls, [run.debate_id for run in runs])
        for run in runs:
            control = controls.get(run.debate_id)
            if control is None or control.fence != run.fence:
                run.order(Order.DROP)
            elif control.status != DebateStatus.RUNNING:
                run.order(Order.PAUSE)
            elif control.stop_requested:
                run.ask_for_verdict()

    def _woken(self) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed.
            self._loop.call_soon_threadsafe(self._look.set)


def spawn(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """A task in a context of its own: whoever starts it may be serving a request, whose id must
    not go with every debate from then on."""
    return asyncio.create_task(work, name=name, context=contextvars.Context())


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
