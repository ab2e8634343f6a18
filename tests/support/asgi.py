"""uvicorn in this process, on a thread of its own, for tests at the edge of an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import uvicorn

PATIENCE_SECONDS = 60.0
"""How long a test waits for what has to come."""


class AsgiServer:
    """Serves an application on a free port of the loopback."""

    def __init__(self, application: Any, **config: Any) -> None:
        self._application = application
        self._config = config
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, work: Callable[[], Any]) -> Any:
        """Run a function on the server's loop; a coroutine is awaited."""

        async def run() -> Any:
            result = work()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE_SECONDS)

    async def started(self) -> None:
        """Called on the loop before the first connection."""

    async def ended(self) -> None:
        """Called on the loop after the last one."""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        defaults = {
            "ws": "websockets-sansio",
            "log_config": None,
            "access_log": False,
            "interface": "asgi3",
            "lifespan": "on",
            "timeout_graceful_shutdown": 2,
        }
        config = uvicorn.Config(self._serve, **defaults | self._config)
        self._server = uvicorn.Server(config)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._server.serve(sockets=[listener]))

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._application(scope, receive, send)
            return
        await receive()
        self.loop = asyncio.get_running_loop()
        await self.started()
        await send({"type": "lifespan.startup.complete"})
        self.loop.call_soon(self._ready.set)
        await receive()
        await self.ended()
        await send({"type": "lifespan.shutdown.complete"})


@contextlib.contextmanager
def serving(application: Any, **config: Any) -> Iterator[AsgiServer]:
    """The application, served while the context lasts."""
    with AsgiServer(application, **config) as server:
        yield server
