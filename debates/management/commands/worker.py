"""Run debates, and serve nothing: as many of these processes as are wanted, beside `serve`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aragora_site.threads import SWITCH_SECONDS
from debates.providers.clients import close_clients
from debates.running.jobs import has_jobs
from debates.running.keeper import spawn
from monitoring import tracing
from monitoring.allocator import keep_heaps_few
from monitoring.checks import CONFIGURATION
from monitoring.collector import leave_out_what_is_loaded
from monitoring.heartbeat import Heartbeat

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Runs debates as they are queued (PostgreSQL only). Ctrl-C or SIGTERM ends it cleanly: "
        "running turns may finish within ARAGORA_DRAIN_SECONDS, and debates are handed back; a "
        "second one ends it at once, and others take over when its lease is up."
    )

    # Django's own checks would load every page and the API, which this process does without.
    requires_system_checks = [CONFIGURATION]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._heartbeat = Heartbeat()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--concurrency",
            type=int,
            default=settings.ARAGORA.max_concurrent_debates,
            help="debates at once; default: %(default)s, from ARAGORA_MAX_CONCURRENT_DEBATES",
        )
        parser.add_argument(
            "--metrics-port",
            type=int,
            default=settings.ARAGORA.worker_metrics_port,
            help="of the metrics (ARAGORA_ENABLE_TELEMETRY); default: %(default)s; 0: a free one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not has_jobs():
            raise CommandError(
                "Workers need PostgreSQL: set DATABASE_URL. With SQLite, `serve` runs the debates."
            )
        if options["concurrency"] < 1:
            raise CommandError("--concurrency: use a whole number from 1 up.")
        if settings.ARAGORA.enable_telemetry:
            self._show_metrics(settings.ARAGORA.host, options["metrics_port"])
        sys.setswitchinterval(SWITCH_SECONDS)
        keep_heaps_few()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._work(options["concurrency"]))

    def _show_metrics(self, host: str, port: int) -> None:
        """And whether it is alive."""
        from debates.streaming import connections  # noqa: F401 (a worker shows that it has none)
        from monitoring.metrics import serve_metrics

        try:
            port = serve_metrics(host=host, port=port, is_alive=lambda: self._heartbeat.is_alive)
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"The metrics cannot be shown at {host}, port {port}: {error}. Give each worker of "
                "a machine a port of its own, by --metrics-port or ARAGORA_WORKER_METRICS_PORT."
            ) from error
        self.stdout.write(f"Metrics: http://{host}:{port}/metrics")

    async def _work(self, limit: int) -> None:
        # It brings procrastinate's worker, which only this process needs.
        from debates.running.worker import Worker

        tracing.start(enabled=settings.ARAGORA.enable_telemetry, version=settings.ARAGORA_VERSION)
        beating = spawn(self._heartbeat.run(), "heartbeat")
        leaving = _Leaving()
        worker = Worker(limit=limit)
        await worker.start()
        leave_out_what_is_loaded()
        self.stdout.write(f"Working on up to {limit} debates at once (Ctrl-C ends it)")
        await leaving.wait()
        await worker.stop(grace_seconds=settings.ARAGORA.drain_seconds)
        await close_clients()
        beating.cancel()
        await asyncio.to_thread(tracing.stop)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop that `serve` has, too."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


class _Leaving:
    """The first signal asks for a clean end; a second one ends the process there and then."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._take, number)

    async def wait(self) -> None:
        await self._asked.wait()

    def _take(self, number: int) -> None:
        if self._asked.is_set():
            os._exit(128 + number)
        log.info("worker_leaving", signal=signal.Signals(number).name)
        self._asked.set()
