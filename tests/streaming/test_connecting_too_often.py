"""Sockets and event streams count among what an address may open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from debates.models import Debate
from ratelimit import limiter
from tests.support.streams import StreamServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def three_at_once(settings: Any) -> Iterator[None]:
    limiter._limiter.cache_clear()
    settings.ARAGORA = replace(
        settings.ARAGORA, ip_rate_limit=3, burst_multiplier=1.0, limit_loopback=True
    )
    yield
    limiter._limiter.cache_clear()


def test_the_fourth_socket_in_a_moment_is_told_to_wait(stream: StreamServer) -> None:
    for _ in range(3):
        with connect(stream.ws_url) as socket:
            assert "connection_info" in str(socket.recv(timeout=10))
    with connect(stream.ws_url) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4029
    assert "wait" in closed.value.rcvd.reason


def test_so_is_the_fourth_event_stream(stream: StreamServer, debate: Debate) -> None:
    url = f"{stream.url}/api/v1/debates/{debate.pk}/events/stream"

    def follow() -> tuple[int, str]:
        with httpx.stream("GET", url, headers={"Accept": "text/event-stream"}) as answer:
            return answer.status_code, answer.headers["RateLimit"]

    answers = [follow() for _ in range(4)]
    assert [status for status, _ in answers] == [HTTPStatus.OK] * 3 + [429]
    assert answers[0][1].startswith('"address";r=2;t=')


def test_a_forwarded_address_counts_by_all_lines_of_the_header(
    stream: StreamServer, settings: Any
) -> None:
    """Some proxies add a line of their own and leave the client's, which it made up."""
    settings.ARAGORA = replace(settings.ARAGORA, trusted_proxies=("127.0.0.1",))
    for number in range(4):
        headers = [("X-Forwarded-For", f"192.0.2.{number}"), ("X-Forwarded-For", "198.51.100.7")]
        with connect(stream.ws_url, additional_headers=headers) as socket:
            if number < 3:
                assert "connection_info" in str(socket.recv(timeout=10))
                continue
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4029
