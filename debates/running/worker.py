"""A process that runs debates as procrastinate's jobs come (PostgreSQL).

procrastinate brings the jobs, one for each free place, tells that this process is alive, and wakes
it when a job is there. The runs themselves belong to the dispatcher's keeper, as in a process that
serves: a job begins a run and waits for its end, but when procrastinate stumbles, because the
database was away, the run goes on, and its lease is what counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
from django.conf import settings
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django.utils import connector_params

from debates.running.dispatcher import POLL_SECONDS, Dispatcher
from debates.running.jobs import QUEUE, RUN_NEXT
from debates.running.keeper import Keeper, spawn, wait_for_event
from debates.running.run import Ending

log = structlog.get_logger(__name__)

Run = asyncio.Task[Ending]
RETRY_SECONDS = 1.0
LISTENING_POLL_SECONDS = 5.0
HOURLY = "0 * * * *"
CONNECTIONS = 4
"""Of procrastinate; the runs have those of Django's pool."""


class Worker(Dispatcher):
    """Takes a debate for each job in hand, and none without."""

    def __init__(self, **options: Any) -> None:
        """`options` are those of `Dispatcher`."""
        super().__init__(**options)
        self._jobs: deque[asyncio.Future[Run | None]] = deque()
        self._jobs_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        self._jobs_task = spawn(self._fetch_jobs(), "debate-jobs")

    async def stop(self, *, grace_seconds: float) -> None:
        if self._jobs_task is not None:
            self._leaving.set()
            self._jobs_task.cancel()
            await asyncio.wait([self._jobs_task])
        await super().stop(grace_seconds=grace_seconds)

    # --- Jobs ----------------------------------------------------------------------------------

    async def _run_next(self, timestamp: int = 0) -> None:
        """What a job does; with a timestamp, a periodic one."""
        asked: asyncio.Future[Run | None] = asyncio.get_running_loop().create_future()
        self._jobs.append(asked)
        self._look.set()
        run = await asked
        if run is not None:
            await asyncio.shield(run)

    def _wanted(self, keeper: Keeper) -> int:
        while self._jobs and self._jobs[0].done():  # Its job was given up.
            self._jobs.popleft()
        return min(super()._wanted(keeper), len(self._jobs))

    def _launched(self, runs: Sequence[Run], wanted: int) -> None:
        """A job that finds no debate is over: somebody else was faster, or the debate was
        cancelled."""
        for run in [*runs, *[None] * (wanted - len(runs))]:
            while self._jobs:
                asked = self._jobs.popleft()
                if not asked.done():
                    asked.set_result(run)
                    break

    # --- procrastinate -------------------------------------------------------------------------

    async def _fetch_jobs(self) -> None:
        """Until cancelled; begun anew when the database was away."""
        environment = settings.ARAGORA
        direct = environment.direct_database_url
        while not self._leaving.is_set():
            app = App(connector=_connector(direct))
            run_next = app.task(name=RUN_NEXT, queue=QUEUE)(self._run_next)
            # A job too many does no harm. Without periodic work, procrastinate does not notice
            # that one of its loops has died, its heartbeat for instance.
            app.periodic(cron=HOURLY)(run_next)
            try:
                async with app.open_async():
                    await app.run_worker_async(
                        queues=[QUEUE],
                        concurrency=self._limit,
                        fetch_job_polling_interval=(
                            LISTENING_POLL_SECONDS if direct else POLL_SECONDS
                        ),
                        # A pooler in transaction mode would listen with somebody else's connection.
                        listen_notify=bool(direct),
                        shutdown_graceful_timeout=0,  # The keeper gives the runs their grace.
                        delete_jobs="always",
                        install_signal_handlers=False,
                        update_heartbeat_interval=environment.lease_seconds / 4,
                        stalled_worker_timeout=environment.lease_seconds,
                    )
            except Exception as error:
                log.warning("jobs_interrupted", error=type(error).__name__)
            await wait_for_event(self._leaving, RETRY_SECONDS)


def _connector(direct_url: str) -> PsycopgConnector:
    """Connections of procrastinate's own, past the pooler where there is a way."""
    if direct_url:
        return PsycopgConnector(conninfo=direct_url, min_size=1, max_size=CONNECTIONS)
    parameters = connector_params()
    parameters.pop("pool", None)
    return PsycopgConnector(kwargs=parameters, min_size=1, max_size=CONNECTIONS)
