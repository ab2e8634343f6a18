"""Takes debates from the queue and runs them, up to the limit of this process.

1. At the start, and every few seconds: free what dead processes have left, and do the regular work.
2. Whenever somebody says so, and twice a second: claim what waits, as long as there is room.
3. At the end: take nothing new, let running turns finish, hand the debates back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from django.conf import settings
from django.utils import timezone

from debates import metrics
from debates.caching import tell_what_is_owed
from debates.conditions import tell_others_of_models
from debates.providers.gateway import Gateway
from debates.running import claims, wake
from debates.running.chores import do_what_is_due
from debates.running.jobs import count_workers
from debates.running.keeper import Keeper, spawn, wait_for_event
from debates.running.loading import take_waiting
from debates.running.run import Ending, Order
from debates.running.threads import DatabaseThreads
from monitoring.allocator import give_back
from monitoring.health import note_writes

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
"""How long a debate that another process queued may wait for a free place."""
TAKEN_AT_ONCE = 5
"""Debates that are claimed together. Those of a crowd begin while the next ones are looked up."""
UPKEEP_SECONDS = 5.0
"""How often to look for what dead processes have left; oftener where leases are short."""


class Dispatcher:
    """Belongs to the event loop that it is started on; `wake` may come from any thread."""

    def __init__(
        self,
        *,
        gateway: Gateway | None = None,
        holder: str = "",
        limit: int | None = None,
        gives_way: bool = False,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`limit` in place of `ARAGORA_MAX_CONCURRENT_DEBATES`. `gives_way`: take nothing, and do
        no regular work, while there are workers."""
        self._gateway = gateway
        self._holder = holder
        self._limit = limit or settings.ARAGORA.max_concurrent_debates
        self._gives_way = self._stands_by = gives_way
        self._now = now
        self._keeper: Keeper | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._upkeep_thread: DatabaseThreads | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look = asyncio.Event()
        self._taking = asyncio.Lock()
        """What is claimed and not launched yet looks like something that was left behind."""
        self._leaving = asyncio.Event()

    @property
    def running(self) -> int:
        """How many debates this dispatcher has in hand."""
        return len(self._keeper) if self._keeper else 0

    @property
    def places(self) -> int:
        """How many it may have; none while it leaves that to others."""
        return 0 if self._stands_by or self._keeper is None else self._limit

    async def start(self) -> None:
        """Begin on the running loop."""
        self._loop = asyncio.get_running_loop()
        keeper = self._keeper = Keeper(
            gateway=self._gateway, holder=self._holder, on_free=self._look.set, now=self._now
        )
        keeper.start()
        wake.add_listener(self.wake)
        metrics.show_places(lambda: self.running, lambda: self.places)
        # Regular work may take long; nothing that is in a hurry waits for it.
        self._upkeep_thread = DatabaseThreads(1, name="debate-upkeep")
        self._tasks = [
            spawn(self._serve(keeper), "debate-dispatcher"),
            spawn(self._keep_up(keeper, self._upkeep_thread), "debate-upkeep"),
        ]
        log.info("dispatcher_started", holder=keeper.holder, limit=self._limit)

    async def stop(self, *, grace_seconds: float) -> None:
        """Take nothing new; give running turns the grace; hand the debates back."""
        if self._keeper is None or self._upkeep_thread is None:
            return
        wake.remove_listener(self.wake)
        keeper, self._keeper = self._keeper, None
        keeper.order(Order.LEAVE)
        self._leaving.set()
        self._look.set()
        await asyncio.wait(self._tasks)  # A claim that is under way is finished, not lost.
        await keeper.stop(grace_seconds=grace_seconds)
        await asyncio.to_thread(self._upkeep_thread.close)
        log.info("dispatcher_stopped", holder=keeper.holder)

    def wake(self) -> None:
        """Look at the queue now. Callable from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # The loop is closed.
                self._loop.call_soon_threadsafe(self._look.set)

    # --- Taking --------------------------------------------------------------------------------

    async def _serve(self, keeper: Keeper) -> None:
        while self._keeper is keeper:
            self._look.clear()
            try:
                await self._fill(keeper)
            except Exception as error:  # The database is away; the next look may find it.
                log.warning("dispatcher_failed", error=type(error).__name__)
            await wait_for_event(self._look, POLL_SECONDS)

    async def _fill(self, keeper: Keeper) -> None:
        """Claim what waits, as long as there is room."""
        async with self._taking:
            while self._keeper is keeper and (wanted := self._wanted(keeper)) > 0:
                few = min(wanted, TAKEN_AT_ONCE)
                taken = await keeper.threads.run(
                    take_waiting, holder=keeper.holder, limit=few, now=self._now()
                )
                runs = [keeper.launch(loaded) for loaded in taken]
                if len(runs) < few:  # No more may begin.
                    self._launched(runs, wanted)
                    return
                self._launched(runs, few)

    def _wanted(self, keeper: Keeper) -> int:
        """How many debates to take now."""
        return 0 if self._stands_by else self._limit - len(keeper)

    def _launched(self, runs: Sequence[asyncio.Task[Ending]], wanted: int) -> None:
        """So many were wanted, and these were there."""

    # --- Upkeep --------------------------------------------------------------------------------

    async def _keep_up(self, keeper: Keeper, thread: DatabaseThreads) -> None:
        seconds = min(UPKEEP_SECONDS, settings.ARAGORA.lease_seconds / 4)
        while self._keeper is keeper:
            try:
                if self._gives_way:
                    self._stands_by = bool(await thread.run(count_workers, now=self._now()))
                    self._look.set()
                async with self._taking:
                    await thread.run(
                        claims.recover,
                        holder=keeper.holder,
                        running=keeper.running,
                        now=self._now(),
                    )
                await thread.run(tell_others_of_models)
                await thread.run(tell_what_is_owed)
                if not self._stands_by:
                    if await thread.run(do_what_is_due, now=self._now()):
                        await thread.run(give_back)
                    note_writes(work=True)  # A due date has been moved, or could have been.
            except Exception as error:  # The database is away; the next look may find it.
                log.warning("upkeep_failed", error=type(error).__name__)
                note_writes(work=False)
            await wait_for_event(self._leaving, seconds)
