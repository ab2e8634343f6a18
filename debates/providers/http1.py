"""HTTP/1.1 with model servers: connections that are kept, and answers that are read as they come.

The way below `httpx2`, whose own (a parser in Python under three layers of locks and task groups)
takes a millisecond and more of a request, and more still the more connections there are. Here
asyncio brings the bytes, uvicorn's compiled parser reads them, and a kept connection is found at
once. Errors and timeouts are httpx2's own.

For what model servers are asked: GET and POST, with bodies that are there as a whole.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import httptools
import httpx2

LookUp = Callable[[httpx2.Request], Awaitable[Sequence[str]]]
"""Where a request may go, the addresses to try in order; raises `httpx2.TransportError`."""
Place = tuple[str, str, int]
"""Scheme, host and port."""

KEEP_SECONDS = 5.0
"""How long a connection is kept that nobody uses. Servers close theirs at some point, and a request
that is sent just then is lost."""
MAX_HEAD = 65_536
"""Bytes of the status line and the headers of an answer."""
MAX_WAITING = 262_144
"""Bytes of an answer that wait to be taken, before no more are read."""
_ILLEGAL = frozenset(b"\r\n\0")


class Http1Transport(httpx2.AsyncBaseTransport):
    """Belongs to one event loop."""

    def __init__(
        self,
        look_up: LookUp,
        *,
        max_connections: int,
        ssl_context: Callable[[], ssl.SSLContext] = httpx2.create_ssl_context,
    ) -> None:
        """`ssl_context` is asked when the first https address is connected to."""
        self._look_up = look_up
        self._room = asyncio.Semaphore(max_connections)
        self._make_ssl_context = ssl_context
        self._ssl_context: ssl.SSLContext | None = None
        self._kept: defaultdict[Place, list[Connection]] = defaultdict(list)
        """Those that nobody uses, the last one used at the end."""
        self._sweep: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions.get("timeout", {})
        head, body = _head(request), await request.aread()
        await self._enter(timeouts.get("pool"))
        connection: Connection | None = None
        try:
            place = _place(request.url)
            connection = self._take(place) or await self._connect(request, place, timeouts)
            await connection.send(head + body, timeouts.get("write"))
            await connection.receive_head(timeouts.get("read"))
        except BaseException:
            self._leave(connection)
            raise
        return httpx2.Response(
            connection.status,
            headers=connection.headers,
            stream=Body(self, place, connection, timeouts.get("read")),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for connections in self._kept.values():
            for connection in connections:
                connection.close()
        self._kept.clear()

    def give_back(self, place: Place, connection: Connection) -> None:
        """Somebody has done with it."""
        if not connection.reusable:
            self._leave(connection)
            return
        self._room.release()
        connection.idle_since = time.monotonic()
        self._kept[place].append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._close_unused)

    async def _enter(self, seconds: float | None) -> None:
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._room.acquire()
        except TimeoutError:
            raise httpx2.PoolTimeout("Too many requests are under way.") from None

    def _leave(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.close()
        self._room.release()

    def _take(self, place: Place) -> Connection | None:
        kept = self._kept[place]
        while kept:
            connection = kept.pop()
            if connection.reusable:
                return connection
            connection.close()
        return None

    def _close_unused(self) -> None:
        self._sweep = None
        before = time.monotonic() - KEEP_SECONDS
        for place, connections in list(self._kept.items()):
            for connection in connections:
                if connection.idle_since <= before or not connection.reusable:
                    connection.close()
            used = [one for one in connections if not one.closed]
            self._kept[place] = used
            if not used:
                del self._kept[place]
        if self._kept:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._close_unused)

    async def _connect(
        self, request: httpx2.Request, place: Place, timeouts: dict[str, float | None]
    ) -> Connection:
        """Raises `httpx2.ConnectError` when none of the addresses answers."""
        failure: Exception | None = None
        for address in await self._look_up(request):
            try:
                return await self._open(address, place, timeouts.get("connect"))
            except OSError as error:  # Nothing was sent; another may answer.
                failure = error
        message = str(failure) or "Nobody answers." if failure else "The host has no address."
        raise httpx2.ConnectError(message, request=request) from failure

    async def _open(self, address: str, place: Place, seconds: float | None) -> Connection:
        scheme, host, port = place
        encrypted: dict[str, Any] = {}
        if scheme == "https":
            encrypted = {"ssl": self._context(), "server_hostname": host}
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, address, port, **encrypted
                )
        except TimeoutError:
            raise httpx2.ConnectTimeout("The connection was not there in time.") from None
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = self._make_ssl_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context


class Body(httpx2.AsyncByteStream):
    """What comes after the head of an answer. Closed before its end, it closes the connection."""

    def __init__(
        self,
        transport: Http1Transport,
        place: Place,
        connection: Connection,
        seconds: float | None,
    ) -> None:
        self._transport = transport
        self._place = place
        self._connection: Connection | None = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        connection = self._connection
        while connection is not None and (piece := await connection.receive(self._seconds)):
            yield piece

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.give_back(self._place, connection)


class Connection(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.idle_since = 0.0
        self.closed = False
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._waiting = 0
        """Bytes in `_pieces`."""
        self._head_bytes = 0
        self._head_complete = False
        self._complete = True
        """No answer is due, or all of it is here."""
        self._keep = True
        self._choked = self._paused = False
        self._error: Exception | None = None

    @property
    def reusable(self) -> bool:
        """Whether another request can be sent on it."""
        whole = self._complete and not self._pieces
        return whole and self._keep and not self.closed and self._error is None

    def close(self) -> None:
        """At once: what was still to come is of no interest."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # --- What its user awaits ------------------------------------------------------------------

    async def send(self, request: bytes, seconds: float | None) -> None:
        """Begin a request."""
        if self._transport is None:
            raise httpx2.ConnectError("There is no connection.")
        self.status, self.headers = 0, []
        self._head_bytes, self._head_complete, self._complete = 0, False, False
        self._transport.write(request)
        while self._choked and not self._head_complete:
            await self._wait(seconds, httpx2.WriteTimeout("The request could not be sent in time."))

    async def receive_head(self, seconds: float | None) -> None:
        while not self._head_complete:
            await self._wait(seconds, httpx2.ReadTimeout("No answer came in time."))

    async def receive(self, seconds: float | None) -> bytes:
        """The bytes of the body that are there, once there are some; none at its end."""
        while not self._pieces and not self._complete:
            await self._wait(seconds, httpx2.ReadTimeout("The answer did not go on in time."))
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return piece

    async def _wait(self, seconds: float | None, late: httpx2.TimeoutException) -> None:
        """For whatever comes next. Raises what ended the connection."""
        if self._error is not None:
            raise self._error
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(seconds, _fail, waiter, late) if seconds is not None else None
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, error: Exception) -> None:
        """The connection is of no use any more; whoever waits for an answer is told."""
        self._error = self._error or error
        if self._waiter is not None:
            _fail(self._waiter, self._error)

    # --- What asyncio tells --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._complete:  # Nobody has asked for anything.
            self._break(httpx2.RemoteProtocolError("The server spoke without being asked."))
            self.close()
            return
        if not self._head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(httpx2.RemoteProtocolError(f"The answer is not HTTP: {error}"))
            self.close()
            return
        if not self._head_complete and self._head_bytes > MAX_HEAD:
            self._break(httpx2.RemoteProtocolError("The headers of the answer have no end."))
            self.close()
            return
        if self._waiting > MAX_WAITING and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._end(error)

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False
        self._wake()

    def _end(self, error: Exception | None = None) -> None:
        self._keep = False
        if self._complete:
            return
        if self._head_complete and error is None and not self._has_an_end():
            self._complete = True
            self._wake()
        elif error is not None:
            self._break(httpx2.ReadError(str(error)))
        else:
            self._break(httpx2.RemoteProtocolError("The connection was closed half way."))

    def _has_an_end(self) -> bool:
        """Whether the answer says where it ends; if not, it ends with the connection."""
        return any(
            name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers
        )

    # --- What the parser tells -----------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # "100 Continue" and the like: the answer follows.
            self.headers = []
            return
        self._head_complete = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._waiting += len(body)

    def on_message_complete(self) -> None:
        if self._head_complete:
            self._complete = True
            self._keep = self._keep and self._parser.should_keep_alive()


def _fail(waiter: asyncio.Future[None], error: Exception) -> None:
    if not waiter.done():
        waiter.set_exception(error)


def _place(url: httpx2.URL) -> Place:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _head(request: httpx2.Request) -> bytes:
    """The request but for its body. Raises `httpx2.LocalProtocolError` for what would not stay on
    its line."""
    target = request.url.raw_path
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [
        b"%b: %b" % (name, value)
        for name, value in request.headers.raw
        if name.lower() != b"transfer-encoding"  # The body is sent as a whole.
    ]
    if any(not _ILLEGAL.isdisjoint(line) for line in lines):
        raise httpx2.LocalProtocolError("A header has a line break in it.", request=request)
    return b"\r\n".join([*lines, b"", b""])
