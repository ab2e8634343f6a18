"""aiohttp's connections under `httpx2`, which the clients of model services are built on.

httpx2's own (a parser in Python under three layers of locks and task groups) take a millisecond and
more of a request, and more still the more connections there are. Errors and timeouts are httpx2's.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

import aiohttp
import httpx2
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host to try in order; raises `httpx2.TransportError`."""

KEEP_SECONDS = 4.0
"""How long a connection is kept that nobody uses. Servers close theirs at some point, and a request
that is sent just then is lost."""
_OURS_TO_SAY = frozenset({"content-length", "transfer-encoding"})
_LEFT_TO_HTTPX = frozenset({"Accept", "Accept-Encoding", "Content-Type", "User-Agent"})


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Belongs to one event loop. Redirects are answers like others, and cookies are not kept."""

    def __init__(
        self,
        look_up: LookUp,
        *,
        max_connections: int,
        ssl_context: Callable[[], ssl.SSLContext] = httpx2.create_ssl_context,
    ) -> None:
        """`look_up` is asked for every name that is connected to. `ssl_context` is asked when the
        first https address is."""
        self._look_up = look_up
        self._max_connections = max_connections
        self._make_ssl_context = ssl_context
        self._ssl_context: ssl.SSLContext | None = None
        self._opened: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions.get("timeout", {})
        body = await request.aread()
        with _errors_of_httpx(request):
            answer = await self._session().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[
                    pair
                    for pair in request.headers.multi_items()
                    if pair[0].lower() not in _OURS_TO_SAY
                ],
                data=body or None,
                allow_redirects=False,  # Where they lead was not looked at.
                timeout=_timeout(timeouts),
                ssl=self._context() if request.url.scheme == "https" else False,
            )
        reason = (answer.reason or "").encode("ascii", "ignore")  # Else it is looked up each time.
        return httpx2.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=Body(answer, request),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reason},
        )

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=_Resolver(self._look_up),
                    use_dns_cache=False,
                    limit=self._max_connections,
                    keepalive_timeout=KEEP_SECONDS,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_LEFT_TO_HTTPX,
            )
        return self._opened

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = self._make_ssl_context()
        return self._ssl_context


class Body(httpx2.AsyncByteStream):
    """What comes after the head of an answer. Closed before its end, it closes the connection."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx(self._request):
            async for piece in self._answer.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


class _Resolver(AbstractResolver):
    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._look_up(host, port)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def _timeout(timeouts: Mapping[str, float | None]) -> aiohttp.ClientTimeout:
    """aiohttp waits for a place and for the connection under one timeout."""
    place, connection = timeouts.get("pool"), timeouts.get("connect")
    return aiohttp.ClientTimeout(
        total=None,
        connect=None if place is None or connection is None else place + connection,
        sock_connect=connection,
        sock_read=timeouts.get("read"),
    )


@contextlib.contextmanager
def _errors_of_httpx(request: httpx2.Request) -> Iterator[None]:
    """aiohttp's errors as httpx2's."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise _kind(error)(str(error) or type(error).__name__, request=request) from error


def _kind(error: Exception) -> type[httpx2.TransportError]:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx2.ConnectTimeout
        case TimeoutError():
            return httpx2.ReadTimeout
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorDNSError():
            return httpx2.ConnectError
        case aiohttp.ClientOSError():
            return httpx2.ReadError
        case aiohttp.ClientError():
            return httpx2.RemoteProtocolError
        case _:  # Of a header that would not stay on its line.
            return httpx2.LocalProtocolError
