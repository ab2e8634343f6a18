"""Responses that come in pieces, from views of either kind."""

from __future__ import annotations

import socket

import httpx
import pytest

from debates.streaming.hub import get_hub
from tests.handler import views
from tests.handler.conftest import Served


def test_a_synchronous_iterator_is_sent_as_it_comes(served: Served) -> None:
    assert served.client.get("/pieces/").content == views.SHORT + views.LONG + views.SHORT


def test_a_client_that_leaves_ends_the_iterator(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)) as raw:
        raw.sendall(b"GET /endless/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(100)
    assert views.closed.wait(10)
    assert served.client.get("/thread/").status_code == 200


def test_an_iterator_that_fails_breaks_the_connection_off(served: Served) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        served.client.get("/breaks-off/")
    assert served.client.get("/thread/").status_code == 200


def test_a_coroutine_view_takes_djangos_own_path(served: Served) -> None:
    assert served.client.get("/coroutine/x/").content == views.SHORT * 2


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
@pytest.mark.usefixtures("transactional_db")
def test_the_events_of_a_debate_are_a_stream_for_who_asks_for_one(
    served: Served, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another test of this process may have run and stopped its hub.
    monkeypatch.setattr(get_hub(), "draining", False)
    headers = {"Accept": "text/event-stream"}
    response = served.client.get(f"{prefix}/debates/no-such/events", headers=headers)
    assert response.status_code == 404
    assert response.json()["error"].startswith("There is no such debate")
    other = served.client.get(f"{prefix}/debates/no-such/events")
    assert other.status_code == 404
