"""More requests than threads: some wait, the next one is told to come back."""

from __future__ import annotations

import contextlib
import socket
import threading

import httpx
import pytest

from aragora_site import handler
from debates.streaming.envelope import dumps
from tests.handler import views
from tests.handler.conftest import QUEUE, THREADS, Served


class Asking(threading.Thread):
    """A request in the background."""

    def __init__(self, served: Served, address: str) -> None:
        super().__init__(daemon=True)
        self._url = served.server.url + address
        self.status = 0
        self.start()

    def run(self) -> None:
        self.status = httpx.get(self._url, timeout=10).status_code


def fill(served: Served) -> list[Asking]:
    """Hold every thread, and fill the queue before them."""
    asking = [Asking(served, "/held/") for _ in range(THREADS)]
    for _ in range(THREADS):
        assert views.latch.entered.acquire(timeout=10)
    asking += [Asking(served, "/held/") for _ in range(QUEUE)]
    wait_for_busy(served, THREADS + QUEUE)
    return asking


def wait_for_busy(served: Served, count: int) -> None:
    """Until so many requests are in the handler."""
    arrived = threading.Event()

    def look() -> None:
        if served.handler.busy == count:
            arrived.set()
        else:
            served.server.loop.call_later(0.005, look)

    served.server.loop.call_soon_threadsafe(look)
    assert arrived.wait(10)


def test_what_has_no_room_is_told_to_come_back(served: Served) -> None:
    asking = fill(served)
    refused = served.client.get("/thread/")
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["code"] == "overloaded"
    assert dumps(refused.json()).encode() == refused.content
    views.latch.go_on.set()
    for request in asking:
        request.join(10)
    assert [request.status for request in asking] == [200] * (THREADS + QUEUE)
    assert served.client.get("/thread/").status_code == 200
    assert served.handler.busy == 0


def test_probes_are_answered_all_the_same(served: Served) -> None:
    fill(served)
    probe = served.client.get("/livez")
    assert probe.status_code == 200
    assert probe.text.startswith("probe")


def test_who_leaves_the_queue_is_not_served(served: Served) -> None:
    asking = [Asking(served, "/held/") for _ in range(THREADS)]
    for _ in range(THREADS):
        assert views.latch.entered.acquire(timeout=10)
    with httpx.Client(base_url=served.server.url) as impatient:
        try:
            impatient.get("/held/", timeout=0.2)
        except httpx.TimeoutException:
            pass
        else:
            raise AssertionError("the queue let somebody by")
    wait_for_busy(served, THREADS)
    views.latch.go_on.set()
    for request in asking:
        request.join(10)
    assert views.latch.runs == THREADS


def stalled_upload(served: Served) -> socket.socket:
    """A request whose body does not come."""
    raw = socket.create_connection(("127.0.0.1", served.server.port), timeout=10)
    raw.sendall(b"POST /echo/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
    return raw


def test_bodies_that_do_not_come_take_no_room(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2 * (THREADS + QUEUE)):
            stack.enter_context(stalled_upload(served))
        assert served.client.post("/echo/", content=b"tram").content == b"tram"


def test_a_body_that_does_not_come_in_time_is_408(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "BODY_SECONDS", 0.05)
    with stalled_upload(served) as raw:
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"too_slow"' in answer
