"""A process that serves nothing else shows its figures, and whether it is stuck."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from monitoring import heartbeat
from monitoring.heartbeat import Heartbeat
from monitoring.metrics import serve_metrics
from tests.support.scraping import scrape
from tests.support.sites import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def beating(heart: Heartbeat) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop on a thread of its own, on which it beats."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    task = asyncio.run_coroutine_threadsafe(heart.run(), loop)
    try:
        yield loop
    finally:
        task.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_loop_that_does_not_turn_is_noticed_and_forgiven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(heartbeat, "SILENT_SECONDS", 0.3)
    heart, over = Heartbeat(), threading.Event()
    port = serve_metrics(host="127.0.0.1", port=0, is_alive=lambda: heart.is_alive)
    address = f"http://127.0.0.1:{port}"

    def status() -> int:
        return httpx.get(f"{address}/livez").status_code

    with beating(heart) as loop:
        wait_until(lambda: status() == 200)
        loop.call_soon_threadsafe(over.wait)
        wait_until(lambda: status() == 503)
        assert scrape(address).sum("aragora_debates_active") == 0, "figures are there all the same"
        over.set()
        wait_until(lambda: status() == 200)
