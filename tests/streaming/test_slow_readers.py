"""A slow reader first loses token frames, then is closed with 1013; the others notice nothing."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from debates.models import Debate
from debates.streaming import sse, uvicorn_sockets
from debates.streaming.connections import connections
from debates.streaming.events import ControlType, EphemeralType
from debates.streaming.outlet import TRY_AGAIN_LATER, SocketOutlet
from debates.streaming.packets import MAX_QUEUED_CHARACTERS, Burst, Packet
from tests.support.sites import wait_until
from tests.support.streams import (
    StalledReader,
    StreamServer,
    add_events,
    is_event,
    reader,
)

KIB = 1024


def test_a_stalled_reader_costs_the_others_nothing_and_can_resume(
    stream: StreamServer, debate: Debate
) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        stalled = StalledReader(stream, debate.pk)
        # What is there before it is live it is sent as fast as it reads, for as long as it takes.
        wait_until(lambda: len(stream.hub._followed[str(debate.pk)].live) == 2)
        for _ in range(40):
            add_events(debate, 5, content="x" * 64 * KIB)
        assert client.until_seq(200) == list(range(1, 201))
        frames, code = stalled.read_to_the_end()
    assert code == TRY_AGAIN_LATER
    seqs = [frame["seq"] for frame in frames if is_event(frame)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) < 200
    with reader(stream, debate.pk, since_seq=seqs[-1], epoch=debate.epoch) as again:
        assert again.until_seq(200) == list(range(seqs[-1] + 1, 201))


def test_who_neither_reads_nor_answers_gives_up_its_place(
    transactional_db: None, debate: Debate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More is on the way to it than it takes in, so the server cannot even say goodbye."""
    monkeypatch.setattr(uvicorn_sockets, "LAST_WORDS_SECONDS", 0.2)
    add_events(debate, 200, content="x" * 64 * KIB)
    with StreamServer(ws_ping_interval=0.2, ws_ping_timeout=0.2) as server:
        stalled = StalledReader(server, debate.pk, answers=False)
        wait_until(lambda: connections.sockets == 1)
        wait_until(lambda: connections.sockets == 0)
        assert connections.sockets == 0
        stalled.leave()


def test_an_event_stream_that_is_not_read_is_ended(
    stream: StreamServer, debate: Debate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "TAKEN_SECONDS", 0.2)
    add_events(debate, 200, content="x" * 64 * KIB)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", stream.port))
        address = f"/api/v1/debates/{debate.pk}/events/stream"
        stalled.sendall(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_until(lambda: connections.streams == 1)
        wait_until(lambda: connections.streams == 0)
        assert not stream.hub.outlets


class BlockedSocket:
    """An ASGI `send` that blocks until it is told to go on, and keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.open = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        self.sent.append(message)

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if "text" in message]


def durable(number: int, size: int = 10) -> Packet:
    return Packet(f"{number}".ljust(size, "."), type="propose", seq=number)


def token(size: int = 10) -> Packet:
    return Packet("t" * size, type=EphemeralType.TOKEN_DELTA)


async def until_idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_waits_is_sent_in_order_when_the_reader_goes_on() -> None:
    blocked = BlockedSocket()
    outlet = SocketOutlet(blocked.send, None)
    packets = [durable(1), token(), durable(2), token(), durable(3)]
    for packet in packets:
        outlet.write(packet)
    blocked.open.set()
    await until_idle()
    assert blocked.texts == [packet.text for packet in packets]
    outlet.write(durable(4))
    assert blocked.texts[-1] == durable(4).text


async def test_what_comes_together_waits_behind_what_came_before() -> None:
    blocked = BlockedSocket()
    outlet = SocketOutlet(blocked.send, None)
    outlet.write(durable(1))
    outlet.write_burst(Burst([token(), durable(2), durable(3)]))
    outlet.write(durable(4))
    blocked.open.set()
    await until_idle()
    expected = [durable(1), token(), durable(2), durable(3), durable(4)]
    assert blocked.texts == [packet.text for packet in expected]


async def test_tokens_are_dropped_first() -> None:
    blocked = BlockedSocket()
    outlet = SocketOutlet(blocked.send, None)
    outlet.write(durable(0))
    for number in range(1, 7):
        outlet.write(token(9 * KIB))
        outlet.write(durable(number, 9 * KIB))
    assert not outlet.closed
    blocked.open.set()
    await until_idle()
    seen = [text[:1] for text in blocked.texts]
    assert [letter for letter in seen if letter != "t"] == list("0123456")
    assert seen.count("t") < 6


async def test_a_full_queue_closes_with_1013_and_sends_nothing_more() -> None:
    blocked = BlockedSocket()
    outlet = SocketOutlet(blocked.send, None)
    for number in range(10):
        outlet.write(durable(number, MAX_QUEUED_CHARACTERS // 4))
    assert outlet.closed
    outlet.write(durable(99))
    assert not await outlet.send(Burst([durable(100)]))
    blocked.open.set()
    await until_idle()
    [message] = blocked.sent
    assert message["type"] == "websocket.close"
    assert message["code"] == TRY_AGAIN_LATER


async def test_one_packet_always_has_room() -> None:
    blocked = BlockedSocket()
    outlet = SocketOutlet(blocked.send, None)
    outlet.write(durable(1))
    outlet.write(durable(2, 4 * MAX_QUEUED_CHARACTERS))
    blocked.open.set()
    await until_idle()
    assert len(blocked.texts) == 2


async def test_an_answer_waits_for_its_turn() -> None:
    blocked = BlockedSocket()
    outlet = SocketOutlet(blocked.send, None)
    outlet.write(durable(1))
    outlet.write(durable(2))
    answering = asyncio.ensure_future(outlet.send(Burst([Packet("pong", type=ControlType.PONG)])))
    await until_idle()
    assert not answering.done()
    blocked.open.set()
    assert await answering
    assert blocked.texts[-1] == "pong"


async def test_a_reader_that_is_gone_is_no_error() -> None:
    async def gone(message: dict[str, Any]) -> None:
        raise OSError

    outlet = SocketOutlet(gone, None)
    outlet.write(durable(1))
    assert outlet.closed
    outlet.close(1012)


async def test_a_reader_that_goes_while_it_blocks_is_no_error() -> None:
    blocked = BlockedSocket()

    async def gone(message: dict[str, Any]) -> None:
        await blocked.open.wait()
        raise OSError

    outlet = SocketOutlet(gone, None)
    outlet.write(durable(1))
    outlet.write(durable(2))
    blocked.open.set()
    await until_idle()
    assert outlet.closed
