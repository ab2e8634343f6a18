"""Serve everything in one process: pages, API and stream, and the worker of the debates."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from aragora_site.threads import SWITCH_SECONDS
from monitoring.allocator import keep_heaps_few
from monitoring.capacity.machine import take_descriptors
from monitoring.collector import leave_out_what_is_loaded

log = structlog.get_logger(__name__)

APPLICATION = "aragora_site.asgi:application"
REQUEST_GRACE_SECONDS = 5
"""How long requests that are being answered may go on after the drain."""
BACKLOG = 2048


class Command(BaseCommand):
    help = (
        "Serves the pages, the API and the stream, and runs the debates, in one process. Ctrl-C or "
        "SIGTERM ends it cleanly: running turns may finish, and debates are handed back; a second "
        "one ends it at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        environment = settings.ARAGORA
        parser.add_argument("--host", default=environment.host, help="default: %(default)s")
        parser.add_argument(
            "--port", type=int, default=environment.port, help="default: %(default)s; 0: a free one"
        )
        parser.add_argument(
            "--prepare", action="store_true", help="bring the database up to date first"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        listener = self._listen(options["host"], options["port"])
        if options["prepare"]:
            call_command("prepare", verbosity=options["verbosity"])
            connections.close_all()  # This thread asks no more, and would keep one of the pool's.
        address = _address(options["host"], listener)
        take_descriptors()
        serve(listener, say=self.stdout.write, address=address)

    def _listen(self, host: str, port: int) -> socket.socket:
        """The socket, before anything else: what takes longer should not fail at the end."""
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(
                host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, protocol)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
        except (OSError, OverflowError) as error:
            self.stderr.write(_why_not(error, host, port))
            sys.exit(1)
        return listener


def serve(listener: socket.socket, *, say: Any, address: str) -> None:
    """Serve on a bound socket until a signal comes. `say` is told when it is ready."""
    import uvicorn

    from debates.running.runtime import runtime
    from debates.streaming.uvicorn_sockets import PROTOCOL

    environment = settings.ARAGORA
    sys.setswitchinterval(SWITCH_SECONDS)
    keep_heaps_few()

    class Server(uvicorn.Server):
        """uvicorn, which first drains: while readers leave and turns finish, it still answers."""

        leaving: asyncio.Task[None] | None = None
        loop: asyncio.AbstractEventLoop | None = None

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            self.loop = asyncio.get_running_loop()
            await super().startup(sockets)
            leave_out_what_is_loaded()
            say(f"Aragora is running at {address} (Ctrl-C ends it)")

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if self.loop is None or self.leaving is not None:
                self.force_exit = self.leaving is not None
                self.should_exit = True
                return
            log.info("server_leaving", signal=signal.Signals(sig).name)
            self.loop.call_soon_threadsafe(self._leave)

        def _leave(self) -> None:
            if self.leaving is None:
                say(_farewell(runtime.running, environment.drain_seconds))
                self.leaving = asyncio.create_task(self._drain())

        async def _drain(self) -> None:
            try:
                await runtime.drain(environment.drain_seconds)
            finally:
                self.should_exit = True

    config = uvicorn.Config(
        APPLICATION,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws=PROTOCOL,
        ws_max_size=environment.websocket_payload_limit,
        ws_ping_interval=environment.websocket_ping_interval,
        ws_ping_timeout=environment.websocket_ping_timeout,
        # A frame is encoded once for all its readers, so it cannot be compressed for each.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level="warning",  # Its lines show addresses with their query, where tokens may stand.
        access_log=False,
        # The limiter decides which proxies to believe.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=REQUEST_GRACE_SECONDS,
    )
    Server(config).run(sockets=[listener])
    say("Stopped.")


def _farewell(debates: int, seconds: float) -> str:
    if not debates:
        return "Stopping."
    held = "1 debate" if debates == 1 else f"{debates} debates"
    return (
        f"Stopping. The agents of {held} have {seconds:g} s to finish what they are saying; the "
        "rest goes on at the next start. Ctrl-C again stops at once."
    )


def _address(host: str, listener: socket.socket) -> str:
    shown = "localhost" if host in {"0.0.0.0", "::", "127.0.0.1", "::1"} else host  # noqa: S104
    return f"http://{shown}:{listener.getsockname()[1]}"


def _why_not(error: OSError | OverflowError, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken. Stop what uses it, or choose another with --port or "
            "ARAGORA_PORT."
        )
    if number == errno.EACCES:
        return f"Port {port} needs more rights than you have. Choose one above 1023 with --port."
    if isinstance(error, OverflowError):
        return f"There is no port {port}. Choose one from 0 to 65535."
    return f"{host} is not an address of this machine that can be listened on."
