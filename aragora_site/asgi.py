"""The ASGI application: files, requests, sockets, and the life of this process.

`manage.py serve` runs it under uvicorn; `runserver` runs it under daphne, which knows no lifespan,
so there the runtime starts with the first request.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aragora_site.settings")
django.setup(set_prefix=False)  # Loads the apps; what follows needs them.

import asyncio  # noqa: E402
import contextlib  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import cast  # noqa: E402

from asgiref.typing import (  # noqa: E402
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    Scope,
)
from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from servestatic import ServeStaticASGI  # noqa: E402

from aragora_site.handler import OneHopHandler  # noqa: E402
from debates.running.runtime import runtime  # noqa: E402
from debates.streaming.routing import application as sockets  # noqa: E402


def static_files(application: ASGI3Application) -> ASGI3Application:
    """Serve the files of the project and of every app under STATIC_URL, from where they lie."""
    served = ServeStaticASGI(
        application,
        autorefresh=settings.DEBUG,  # Otherwise files are looked at once, when the server starts.
        max_age=0 if settings.DEBUG else 300,
        allow_all_origins=False,
    )
    folders = [Path(app.path) / "static" for app in apps.get_app_configs()]
    for folder in [*folders, *map(Path, settings.STATICFILES_DIRS)]:
        if folder.is_dir():
            served.add_files(folder, prefix=settings.STATIC_URL)
    return cast(ASGI3Application, served)


class Application:
    """Dispatches by the type of connection."""

    def __init__(self) -> None:
        self.handler = OneHopHandler(
            threads=settings.ARAGORA.web_threads, queue=settings.ARAGORA.web_queue
        )
        self.http = static_files(cast(ASGI3Application, self.handler))
        self.websocket = sockets

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        await runtime.ensure_started()
        if scope["type"] == "websocket":
            await self.websocket(scope, receive, send)
        else:
            await self.http(scope, receive, send)

    async def _lifespan(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # Somebody does not want to wait.
            while (await receive())["type"] == "lifespan.startup":
                await runtime.ensure_started()
                await send({"type": "lifespan.startup.complete"})
            await runtime.stop()
            await asyncio.to_thread(self.handler.close)
            await send({"type": "lifespan.shutdown.complete"})


application = Application()
