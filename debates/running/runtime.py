"""What runs beside the requests in a process that serves: the stream's hub, and the dispatcher,
where debates may run here."""

from __future__ import annotations

import asyncio

import structlog
from django.conf import settings

from debates.providers.clients import close_clients
from debates.running.dispatcher import Dispatcher
from debates.running.jobs import has_jobs
from debates.streaming.hub import get_hub
from monitoring import tracing
from monitoring.health import begin_draining, end_draining

log = structlog.get_logger(__name__)


class Runtime:
    """Started with the server where that says when it starts, else with its first request."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._started_on: asyncio.AbstractEventLoop | None = None
        self._dispatcher: Dispatcher | None = None
        self._drained = False

    async def ensure_started(self) -> None:
        """Start on the running loop, unless that is done. Cheap afterwards."""
        loop = asyncio.get_running_loop()
        if self._started_on is loop:
            return
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        async with self._lock:
            if self._started_on is not loop:
                await self._start()
                self._started_on = loop

    @property
    def running(self) -> int:
        """How many debates this process has in hand."""
        return self._dispatcher.running if self._dispatcher is not None else 0

    async def drain(self, seconds: float) -> None:
        """Say that this instance is leaving, send its readers away and hand its debates back;
        within `seconds`, as far as they go along with it."""
        if self._drained or self._started_on is None:
            return
        self._drained = True
        begin_draining()
        async with asyncio.TaskGroup() as leaving:
            leaving.create_task(get_hub().drain(seconds))
            if self._dispatcher is not None:
                leaving.create_task(self._dispatcher.stop(grace_seconds=seconds))

    async def stop(self) -> None:
        """Drain, unless that is done, and end. `ensure_started` may follow."""
        if self._started_on is None:
            return
        await self.drain(settings.ARAGORA.drain_seconds)
        await get_hub().stop()
        await close_clients()
        await asyncio.to_thread(tracing.stop)
        self._dispatcher = self._started_on = None

    async def _start(self) -> None:
        tracing.start(enabled=settings.ARAGORA.enable_telemetry, version=settings.ARAGORA_VERSION)
        end_draining()
        self._drained = False
        await get_hub().start()
        self._dispatcher = _dispatcher()
        if self._dispatcher is not None:
            await self._dispatcher.start()


def _dispatcher() -> Dispatcher | None:
    """What runs debates in this process, if it does."""
    wanted = settings.ARAGORA.server_runs_debates
    if wanted is False:
        return None
    return Dispatcher(gives_way=wanted is None and has_jobs())


runtime = Runtime()
