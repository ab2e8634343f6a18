"""The handler with two threads and room for one more request, before views of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from pytest_django.fixtures import Settings

from aragora_site.handler import OneHopHandler
from tests.handler import views
from tests.support.asgi import AsgiServer, serving

THREADS, QUEUE = 2, 1


@dataclass
class Served:
    handler: OneHopHandler
    server: AsgiServer
    client: httpx.Client


@pytest.fixture
def served(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    settings.ROOT_URLCONF = "tests.handler.views"
    latch = views.Latch()
    monkeypatch.setattr(views, "latch", latch)
    monkeypatch.setattr(views, "closed", type(views.closed)())
    handler = OneHopHandler(threads=THREADS, queue=QUEUE)
    with (
        serving(handler) as server,
        httpx.Client(base_url=server.url, timeout=10) as client,
    ):
        yield Served(handler, server, client)
        latch.go_on.set()
    asyncio.run(_close(handler))


async def _close(handler: OneHopHandler) -> None:
    await asyncio.to_thread(handler.close)
