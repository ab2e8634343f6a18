"""`pytest -p tests.support.on_daphne …` runs the tests of the stream on daphne, in this process.

What daphne cannot do, and so which tests are left out and why, is in `CANNOT`; docs/STREAM.md says
it to people. `manage.py runserver` itself is tested in tests/streaming/test_development_server.py.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.support.asgi import PATIENCE_SECONDS, AsgiServer

NO_BACK_PRESSURE = "it keeps in memory what a reader does not take"
CANNOT = {
    "test_the_next_socket_is_refused_before_the_upgrade": "it is closed after the upgrade",
    "test_every_event_reaches_all_of_them": "so is the thousand and first",
    "test_nobody_new_is_let_in": "so is who comes during the drain",
    "test_the_fourth_socket_in_a_moment_is_told_to_wait": "it gives no reason when it closes",
    "test_an_address_without_a_socket_is_404": "a handshake can only be refused with 403",
    "test_a_stalled_reader_costs_the_others_nothing_and_can_resume": NO_BACK_PRESSURE,
    "test_a_slow_reader_goes_on_after_the_last_event_that_it_was_sent": NO_BACK_PRESSURE,
    "test_who_neither_reads_nor_answers_gives_up_its_place": NO_BACK_PRESSURE,
    "test_an_event_stream_that_is_not_read_is_ended": NO_BACK_PRESSURE,
}
"""Tests by name, and what daphne does instead."""


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    # Not before Django's settings are read.
    from tests.support.streams import Reader

    AsgiServer.__enter__ = _enter  # type: ignore[method-assign]
    AsgiServer.__exit__ = _exit  # type: ignore[method-assign]
    until_closed = Reader.until_closed

    def until_closed_as_it_is_said(self: Reader) -> int:
        """autobahn refuses the codes below 3000, so that they are said in another range."""
        code = until_closed(self)
        return code - 3000 if code in range(4008, 4014) else code

    Reader.until_closed = until_closed_as_it_is_said  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only what runs on the server that is replaced, and can."""
    left = [item for item in items if not _is_for_daphne(item)]
    items[:] = [item for item in items if _is_for_daphne(item)]
    config.hook.pytest_deselected(items=left)


def _is_for_daphne(item: pytest.Item) -> bool:
    name = getattr(item, "originalname", item.name)
    return "stream" in getattr(item, "fixturenames", ()) and name not in CANNOT


def _enter(self: AsgiServer) -> AsgiServer:
    _on_reactor(_open(self))
    return self


def _exit(self: AsgiServer, *error: object) -> None:
    _on_reactor(_close(self))


def _on_reactor(work: Coroutine[Any, Any, None]) -> None:
    """There is one reactor in a process, and it cannot be started twice."""
    from daphne.server import reactor, twisted_loop

    if not reactor.running:
        started = threading.Event()
        reactor.callWhenRunning(started.set)
        threading.Thread(target=_run, daemon=True).start()
        assert started.wait(PATIENCE_SECONDS)
    asyncio.run_coroutine_threadsafe(work, twisted_loop).result(PATIENCE_SECONDS)


def _run() -> None:
    from daphne.server import reactor, twisted_loop

    asyncio.set_event_loop(twisted_loop)
    reactor.run(installSignalHandlers=False)


async def _open(server: Any) -> None:
    """As `daphne.server.Server.run` does it, which begins with the reactor and ends with it."""
    from daphne.server import HTTPFactory, Server, WebSocketFactory, reactor

    server.loop = asyncio.get_running_loop()
    daphne = server.daphne = Server(server._application, endpoints=["of the test"])
    daphne.connections = {}
    daphne.http_factory = HTTPFactory(daphne)
    daphne.ws_factory = WebSocketFactory(daphne, server=daphne.server_name)
    daphne.ws_factory.setProtocolOptions(
        autoPingTimeout=daphne.ping_timeout,
        allowNullOrigin=True,
        openHandshakeTimeout=daphne.websocket_handshake_timeout,
        maxMessagePayloadSize=daphne.websocket_max_message_size,
        maxFramePayloadSize=daphne.websocket_max_frame_size,
    )
    server.listening = reactor.listenTCP(0, daphne.http_factory, interface="127.0.0.1")
    server.port = server.listening.getHost().port
    await server.started()


async def _close(server: Any) -> None:
    await server.ended()
    await asyncio.wrap_future(_stopped(server.listening))
    answering = []
    for protocol, known in list(server.daphne.connections.items()):
        if (application := known.get("application_instance")) is not None:
            answering.append(application)
        if (transport := getattr(protocol, "transport", None)) is not None:
            transport.abortConnection()
    if answering:
        _, late = await asyncio.wait(answering, timeout=1)
        for application in late:
            application.cancel()


def _stopped(listening: Any) -> Any:
    from concurrent.futures import Future

    from twisted.internet.defer import maybeDeferred

    stopped: Future[None] = Future()
    maybeDeferred(listening.stopListening).addBoth(lambda _: stopped.set_result(None))
    return stopped
