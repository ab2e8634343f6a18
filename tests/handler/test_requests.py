"""Bodies, headers, errors and the signals around a request."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
from django.conf import settings
from django.core import signals
from django.db import connection

from tests.handler.conftest import THREADS, Served


def test_a_view_runs_on_a_thread_of_the_pool(served: Served) -> None:
    names = {served.client.get("/thread/").text for _ in range(20)}
    assert {name.rpartition("_")[0] for name in names} == {"web"}
    assert len(names) <= 2


def test_the_response_is_the_one_that_django_makes(served: Served) -> None:
    response = served.client.get("/cookies/")
    assert response.text == "cookies"
    assert response.headers["content-length"] == "7"
    assert response.headers["x-request-id"]
    assert [value.partition(";")[0] for value in response.headers.get_list("set-cookie")] == [
        "one=1",
        "two=2",
    ]


def test_head_has_no_body(served: Served) -> None:
    response = served.client.head("/cookies/")
    assert response.status_code == 200
    assert response.headers["content-length"] == "7"
    assert response.content == b""


def test_an_address_that_nobody_knows_is_404(served: Served) -> None:
    assert served.client.get("/nowhere/").status_code == 404


def test_an_exception_is_500_and_the_thread_goes_on(served: Served) -> None:
    for _ in range(5):
        assert served.client.get("/broken/").status_code == 500
    assert served.client.get("/thread/").status_code == 200


def test_a_query_that_is_no_text_is_400(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)) as raw:
        raw.sendall(b"GET /thread/?q=\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("size", [0, 1, 70_000, 900_000])
def test_a_body_arrives_whole(served: Served, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    assert served.client.post("/echo/", content=body).content == body


def in_pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


def test_a_body_without_a_length_arrives_whole(served: Served) -> None:
    body = b"z" * 300_000
    assert served.client.post("/echo/", content=in_pieces(body)).content == body


def test_files_are_uploaded(served: Served) -> None:
    response = served.client.post(
        "/upload/", data={"name": "tram"}, files={"one": b"1" * 400_000, "two": b"2"}
    )
    assert response.json() == {"files": {"one": 400_000, "two": 1}, "fields": {"name": "tram"}}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("excess", [1, 3_000_000])
def test_a_body_over_the_limit_is_413(served: Served, declared: bool, excess: int) -> None:
    body = b"z" * (settings.ARAGORA.max_upload_bytes + excess)
    content: Any = body if declared else in_pieces(body)
    assert served.client.post("/echo/", content=content).status_code == 413
    assert served.client.get("/thread/").status_code == 200


def test_a_body_at_the_limit_is_let_through(served: Served) -> None:
    body = b"z" * settings.ARAGORA.max_upload_bytes
    assert served.client.post("/echo/", content=body).content == body


def test_a_client_that_leaves_while_it_sends_is_no_error(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)) as raw:
        raw.sendall(b"POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    assert served.client.get("/thread/").status_code == 200


def test_the_signals_of_a_request_are_sent_once_each(served: Served) -> None:
    seen: Queue[str] = Queue()

    def started(**kwargs: object) -> None:
        seen.put("started")

    def finished(**kwargs: object) -> None:
        seen.put("finished")

    signals.request_started.connect(started)
    signals.request_finished.connect(finished)
    try:
        for address in ("/thread/", "/broken/", "/nowhere/", "/pieces/"):
            served.client.get(address)
            assert [seen.get(timeout=10), seen.get(timeout=10)] == ["started", "finished"]
    finally:
        signals.request_started.disconnect(started)
        signals.request_finished.disconnect(finished)
    assert seen.empty()


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(("max_age", "kept"), [(0, False), (None, True)])
def test_a_thread_keeps_its_database_connection_as_long_as_it_may(
    served: Served, monkeypatch: pytest.MonkeyPatch, max_age: int | None, kept: bool
) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", max_age)
    was_open = [served.client.get("/database/").text for _ in range(10)]
    assert was_open[-1] == str(kept)
    opened = was_open.count("False")
    assert opened <= THREADS if kept else opened == 10
