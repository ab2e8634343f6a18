"""What a client may not do, and what it is told."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from pytest_django.fixtures import Settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from debates.models import Debate
from debates.streaming.connections import connections, is_own_origin
from tests.support.sites import wait_until
from tests.support.streams import StreamServer, add_events, reader


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_message"),
        ('"subscribe"', "invalid_message"),
        ("{}", "invalid_message"),
        ('{"type": 7}', "invalid_message"),
        ('{"type": "subscribe"}', "invalid_message"),
        ('{"type": "subscribe", "debate_id": 7}', "invalid_message"),
        ('{"type": "subscribe", "debate_id": "x", "since_seq": -1}', "invalid_message"),
        ('{"type": "subscribe", "debate_id": "x", "since_seq": "1"}', "invalid_message"),
        ('{"type": "subscribe", "debate_id": "x", "since_seq": 1e400}', "invalid_message"),
        ('{"type": "subscribe", "debate_id": "x", "epoch": []}', "invalid_message"),
        ('{"type": "unsubscribe", "debate_id": "x"}', "not_subscribed"),
        ('{"type": "make_coffee"}', "unknown_type"),
        ('{"type": "ping", "ts": NaN}', "invalid_json"),
        ('{"type": "ping", "type": "subscribe"}', "invalid_json"),
        ('{"type": "ping", "ts": ' + "[" * 9 + "]" * 9 + "}", "too_deep"),
        ('{"type": "ping", "ts": ' + "[" * 20_000 + "]" * 20_000 + "}", "too_deep"),
        (b"\x00\x01", "invalid_json"),
    ],
)
def test_nonsense_is_answered_with_a_warning(
    stream: StreamServer, message: str | bytes, code: str
) -> None:
    with reader(stream) as client:
        client.socket.send(message)
        warning = client.until("warning")
        assert warning["data"]["code"] == code
        assert warning["data"]["severity"] == "warning"
        client.send("ping")
        client.until("pong")


@pytest.mark.parametrize("query", [{"since_seq": "x"}, {"since_seq": "-1"}])
def test_a_bad_number_in_the_address_is_answered_with_a_warning(
    stream: StreamServer, debate: Debate, query: dict[str, Any]
) -> None:
    with reader(stream, debate.pk, **query) as client:
        assert client.until("warning")["data"]["code"] == "invalid_message"


def test_too_many_messages_are_ignored_and_in_the_end_not_endured(stream: StreamServer) -> None:
    with reader(stream) as client:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                client.socket.send('{"type": "ping"}')
        assert client.until_closed() == 1008
        assert 20 <= client.types.count("pong") < 40
        [warning] = [frame for frame in client.frames if frame["type"] == "warning"]
        assert warning["data"]["code"] == "rate_limited"


def test_a_message_over_64_kib_closes_with_1009(stream: StreamServer) -> None:
    with reader(stream) as client:
        client.send("ping", ts="x" * (63 * 1024))
        client.until("pong")
        client.send("ping", ts="x" * (64 * 1024))
        assert client.until_closed() == 1009


def test_the_limit_holds_also_on_a_server_that_knows_none(transactional_db: None) -> None:
    with StreamServer(ws_max_size=1 << 20) as server, reader(server) as client:
        client.send("ping", ts="x" * (64 * 1024))
        assert client.until_closed() == 1009


def test_a_socket_follows_a_bounded_number_of_debates(
    stream: StreamServer, debate: Debate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.factories import make_debate

    monkeypatch.setattr("debates.streaming.consumers.DEBATES_PER_SOCKET", 1)
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        client.send("subscribe", debate_id=str(make_debate().pk))
        assert client.until("warning")["data"]["code"] == "too_many_debates"
        client.send("subscribe", debate_id=str(debate.pk))
        client.until("replay_end")


# --- Connections -------------------------------------------------------------------------------


@pytest.fixture
def room_for_two(settings: Settings) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, max_websocket_connections=2)


def test_the_next_socket_is_refused_before_the_upgrade(
    stream: StreamServer, room_for_two: None
) -> None:
    with reader(stream) as one, reader(stream):
        with pytest.raises(InvalidStatus) as refused:
            connect(stream.ws_url, proxy=None)
        response = refused.value.response
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert json.loads(response.body or b"")["code"] == "full"
        one.socket.close()
        one.until_closed()
        # The reader knows that it has gone before its place is free.
        wait_until(lambda: connections.sockets == 1)
    with reader(stream) as again:
        again.send("ping")
        again.until("pong")


def test_a_foreign_page_is_closed_with_4003(stream: StreamServer) -> None:
    with reader(stream, headers={"Origin": "https://evil.example"}) as client:
        assert client.until_closed() == 4003


def test_a_page_of_this_site_may_connect(stream: StreamServer) -> None:
    with reader(stream, headers={"Origin": f"http://127.0.0.1:{stream.port}"}) as client:
        assert client.next()["type"] == "connection_info"


def test_too_many_connections_from_one_address_are_closed_with_4029(
    stream: StreamServer, settings: Settings
) -> None:
    settings.ARAGORA = replace(
        settings.ARAGORA, websocket_connections_per_address=1, trusted_proxies=("127.0.0.1",)
    )
    here, there = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    with reader(stream, headers=here), reader(stream, headers=there) as other:
        with reader(stream, headers=here) as client:
            assert client.until_closed() == 4029
        assert other.next()["type"] == "connection_info"
    wait_until(lambda: connections.sockets == 0)
    with reader(stream, headers=here) as client:
        assert client.next()["type"] == "connection_info"


def test_this_machine_itself_may_connect_as_often_as_there_is_room(
    stream: StreamServer, settings: Settings
) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, websocket_connections_per_address=1)
    with reader(stream), reader(stream) as second:
        assert second.next()["type"] == "connection_info"


def test_an_address_without_a_socket_is_404(stream: StreamServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{stream.port}/elsewhere", proxy=None)
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        (None, "site.example", True),
        ("https://site.example", "site.example", True),
        ("http://site.example:8080", "site.example:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("https://SITE.example", "site.example", True),
        ("https://site.example:8443", "site.example", False),
        ("https://site.example.evil.example", "site.example", False),
        ("https://evil.example", "evil.example", False),
        ("null", "site.example", False),
        ("", "site.example", False),
        ("file://site.example", "site.example", False),
        ("https://app.friend.example", "site.example", True),
        ("http://app.friend.example", "site.example", False),
        ("https://exact.example", "site.example", True),
    ],
)
def test_only_this_sites_own_pages_and_trusted_ones_may_connect(
    origin: str | None, host: str, own: bool
) -> None:
    trusted = ["https://*.friend.example", "https://exact.example"]
    assert own is is_own_origin(
        origin=origin,
        host=host,
        allowed_hosts=["site.example", "[::1]"],
        trusted_origins=trusted,
    )


def test_the_first_frame_tells_the_limits(stream: StreamServer, debate: Debate) -> None:
    add_events(debate)
    with reader(stream) as client:
        info = client.next()
        assert info["type"] == "connection_info"
        assert info["data"]["limits"]["payload_bytes"] == 65536
        assert info["data"]["server_version"] == settings.ARAGORA_VERSION
        assert info["trace_id"] == info["data"]["connection_id"]
