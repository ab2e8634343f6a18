"""Takes debates from the queue and runs them, up to the limit of this instance.

1. At the start, and every few seconds: free what dead processes have left.
2. Whenever somebody says so, and twice a second: claim what waits, as long as there is room.
3. At the end: take nothing new, let running turns finish, hand the debates back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from django.conf import settings
from django.utils import timezone

from debates.providers.gateway import Gateway
from debates.running import claims, wake
from debates.running.keeper import Keeper, spawn, wait_for_event
from debates.running.loading import take_waiting
from debates.running.run import Order

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
"""How long a debate that another process queued may wait for a free place."""
RECOVERY_SECONDS = 5.0


class Dispatcher:
    """Belongs to the event loop that it is started on; `wake` may come from any thread."""

    def __init__(
        self,
        *,
        gateway: Gateway | None = None,
        holder: str = "",
        limit: int | None = None,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`limit` in place of `ARAGORA_MAX_CONCURRENT_DEBATES`."""
        self._gateway = gateway
        self._holder = holder
        self._limit = limit or settings.ARAGORA.max_concurrent_debates
        self._now = now
        self._keeper: Keeper | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look = asyncio.Event()

    @property
    def running(self) -> int:
        """How many debates this dispatcher has in hand."""
        return len(self._keeper) if self._keeper else 0

    async def start(self) -> None:
        """Begin on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._keeper = Keeper(
            gateway=self._gateway, holder=self._holder, on_free=self._look.set, now=self._now
        )
        self._keeper.start()
        wake.add_listener(self.wake)
        self._task = spawn(self._serve(self._keeper), "debate-dispatcher")
        log.info("dispatcher_started", holder=self._keeper.holder, limit=self._limit)

    async def stop(self, *, grace_seconds: float) -> None:
        """Take nothing new; give running turns the grace; hand the debates back."""
        if self._keeper is None or self._task is None:
            return
        wake.remove_listener(self.wake)
        keeper, self._keeper = self._keeper, None
        keeper.order(Order.LEAVE)
        self._look.set()
        await self._task  # A claim that is under way is finished, not lost.
        await keeper.stop(grace_seconds=grace_seconds)
        log.info("dispatcher_stopped", holder=keeper.holder)

    def wake(self) -> None:
        """Look at the queue now. Callable from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # The loop is closed.
                self._loop.call_soon_threadsafe(self._look.set)

    async def _serve(self, keeper: Keeper) -> None:
        recovered = -RECOVERY_SECONDS
        while self._keeper is keeper:
            try:
                if time.monotonic() - recovered >= RECOVERY_SECONDS:
                    recovered = time.monotonic()
                    await keeper.threads.run(
                        claims.recover,
                        holder=keeper.holder,
                        running=keeper.running,
                        now=self._now(),
                    )
                await self._fill(keeper)
            except Exception as error:  # The database is away; the next look may find it.
                log.warning("dispatcher_failed", error=type(error).__name__)
            await wait_for_event(self._look, POLL_SECONDS)
            self._look.clear()

    async def _fill(self, keeper: Keeper) -> None:
        """Claim what waits, as long as there is room."""
        room = self._limit - len(keeper)
        if room <= 0:
            return
        taken = await keeper.threads.run(
            take_waiting, holder=keeper.holder, limit=room, now=self._now()
        )
        for loaded in taken:
            keeper.launch(loaded)
