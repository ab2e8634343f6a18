"""Connections to model servers: kept, given up, and what comes that is not as it should be."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from debates.engine.types import Position
from debates.providers import clients
from debates.providers.base import (
    AgentSpec,
    ProviderError,
    RateLimited,
    RequestRejected,
    ServerFailed,
)
from debates.providers.http import AiohttpTransport
from tests.providers.conftest import Asked, MakeSpec
from tests.support.calls import make_call

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SHORT = httpx2.Timeout(20, read=0.2)
NO_PLACE = httpx2.Timeout(20, connect=0.1, pool=0.1)


class Script:
    """A server that answers every request with the next of its texts, to the letter."""

    def __init__(self, *answers: bytes, closes: bool = False) -> None:
        self.answers = list(answers)
        self.closes = closes
        self.connections = 0
        self.requests: list[bytes] = []
        self.over = asyncio.Event()
        """A connection has ended."""
        self.asked = asyncio.Event()
        """A request has come."""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                self.asked.set()
                writer.write(self.answers.pop(0))
                await writer.drain()
                if self.closes:
                    break
            else:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.over.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def serving(script: Script, **options: object) -> AsyncIterator[Script]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    script.port = server.sockets[0].getsockname()[1]
    async with server:
        yield script


def transport(
    max_connections: int = 10, **options: Callable[[], ssl.SSLContext]
) -> AiohttpTransport:
    async def loopback(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    return AiohttpTransport(loopback, max_connections=max_connections, **options)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=transport(), timeout=20) as client:
        yield client


async def test_a_connection_is_kept(client: httpx2.AsyncClient) -> None:
    async with serving(Script(OK, OK, OK)) as script:
        answers = [await client.post(script.url, content=b"who?") for _ in range(3)]

    assert [answer.text for answer in answers] == ["ok"] * 3
    assert script.connections == 1
    assert all(request.endswith(b"\r\n\r\nwho?") for request in script.requests)


@pytest.mark.parametrize(
    "answer", [OK.replace(b"content-length", b"connection: close\r\ncontent-length"), OK]
)
async def test_one_that_the_server_closes_is_not_used_again(answer: bytes) -> None:
    async with (
        serving(Script(answer, answer, closes=True)) as script,
        httpx2.AsyncClient(transport=transport(), timeout=20) as client,
    ):
        for _ in range(2):
            assert (await client.get(script.url)).text == "ok"

    assert script.connections == 2


async def test_an_answer_that_is_given_up_costs_the_connection(client: httpx2.AsyncClient) -> None:
    begun = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n"
    async with serving(Script(begun, OK)) as script:
        async with client.stream("GET", script.url) as answer:
            assert await anext(answer.aiter_bytes()) == b"x"
        await script.over.wait()
        assert (await client.get(script.url)).text == "ok"

    assert script.connections == 2


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", "to the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
    ids=["no length", "continue", "chunked", "no content"],
)
async def test_every_kind_of_body_is_read(
    client: httpx2.AsyncClient, answer: bytes, text: str
) -> None:
    async with serving(Script(answer, closes=True)) as script:
        assert (await client.get(script.url)).text == text


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
    ids=["nothing", "half a head", "too short", "half a chunk", "not HTTP"],
)
async def test_what_is_no_whole_answer_is_an_error(
    client: httpx2.AsyncClient, answer: bytes
) -> None:
    """Also when it is asked for once more, as aiohttp does for a GET."""
    async with serving(Script(answer, answer, closes=True)) as script:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(script.url)


async def test_a_head_without_an_end_is_given_up(client: httpx2.AsyncClient) -> None:
    async with serving(Script(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000)) as script:
        with pytest.raises(httpx2.RemoteProtocolError, match=r"too long|more than"):
            await client.get(script.url)


async def test_silence_has_an_end(client: httpx2.AsyncClient) -> None:
    begun = OK.removesuffix(b"k")
    async with serving(Script(b"", begun)) as script:
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(script.url, timeout=SHORT)
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(script.url, timeout=SHORT)

    assert script.connections == 2


async def test_more_connections_than_there_may_be_are_waited_for() -> None:
    async with (
        serving(Script(b"", OK)) as script,
        httpx2.AsyncClient(transport=transport(max_connections=1), timeout=20) as client,
    ):
        first = asyncio.create_task(client.get(script.url))
        await script.asked.wait()
        with pytest.raises(httpx2.TimeoutException):
            await client.get(script.url, timeout=NO_PLACE)
        first.cancel()
        await asyncio.wait([first])
        assert (await client.get(script.url)).text == "ok"


async def test_a_long_answer_waits_for_its_reader(client: httpx2.AsyncClient) -> None:
    long = bytes(range(256)) * 16_384
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(long) + long
    async with serving(Script(answer)) as script, client.stream("GET", script.url) as response:
        read = b""
        async for piece in response.aiter_bytes():
            read += piece
            await asyncio.sleep(0)

    assert read == long


async def test_a_long_question_is_sent_whole(client: httpx2.AsyncClient) -> None:
    question = b"why? " * 400_000
    async with serving(Script(OK), limit=2**22) as script:
        assert (await client.post(script.url, content=question)).text == "ok"

    assert script.requests[0].endswith(question)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_is_an_answer(
    client: httpx2.AsyncClient, method: str, status: int
) -> None:
    """It is not followed: where it leads may be inside this network."""
    async with serving(Script()) as inside, serving(Script()) as script:
        location = f"location: {inside.url}\r\ncontent-length: 0\r\n\r\n"
        script.answers = [f"HTTP/1.1 {status} Elsewhere\r\n{location}".encode()]
        answer = await client.request(method, script.url, content=b"secret")

    assert answer.status_code == status
    assert inside.connections == 0


async def test_a_header_stays_on_its_line(client: httpx2.AsyncClient) -> None:
    async with serving(Script(OK)) as script:
        with pytest.raises(httpx2.LocalProtocolError):
            await client.get(script.url, headers={"authorization": "Bearer a\r\nx: y"})

    assert script.requests == []


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2"]
    command += ["-subj", "/CN=models.example", "-addext", "subjectAltName=DNS:models.example"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)

    def trusting() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(certificate))

    async with serving(Script(OK, OK), ssl=own) as script:
        url, other = (f"https://{host}:{script.port}/" for host in ("models.example", "b.example"))
        async with httpx2.AsyncClient(transport=transport(ssl_context=trusting)) as client:
            assert (await client.get(url)).text == "ok"
            with pytest.raises(httpx2.ConnectError, match=r"b\.example"):
                await client.get(other)
        async with httpx2.AsyncClient(transport=transport()) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)


async def test_a_stream_that_says_it_is_done_is_not_waited_for(
    asked: Asked, make_model_spec: MakeSpec
) -> None:
    text = "REASONING: It is so.\\nANSWER: Yes\\nCONFIDENCE: 0.5"
    body = f'data: {{"choices": [{{"delta": {{"content": "{text}"}}, "finish_reason": "stop"}}]}}'
    head = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"
    async with serving(Script(f"{head}{body}\n\ndata: [DONE]\n\n".encode())) as script:
        reply, _ = await asked.ask(make_model_spec(base_url=script.url), make_call())
        await script.over.wait()

    assert isinstance(reply, Position)
    assert script.connections == 1


async def test_half_a_refusal_gives_its_place_back(
    asked: Asked, make_model_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MAX_CONNECTIONS", 1)
    half = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 99\r\n\r\n{"
    async with serving(Script(*[half] * 3, closes=True)) as script:
        with pytest.raises(ServerFailed):
            await asked.ask(make_model_spec(base_url=script.url), make_call())

    assert script.connections == 3


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ('{"message": "Slow down.", "code": 429}', RateLimited),
        ('{"message": "No credit.", "code": "insufficient_quota"}', RequestRejected),
    ],
)
async def test_an_error_in_the_midst_of_an_answer_is_what_it_would_be_before(
    asked: Asked, make_model_spec: MakeSpec, error: str, kind: type[ProviderError]
) -> None:
    body = f'data: {{"choices": [{{"delta": {{"content": "Yes"}}}}]}}\n\ndata: {{"error": {error}}}'
    answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body) + 2}\r\n\r\n{body}\n\n".encode()
    async with serving(Script(*[answer] * 3)) as script:
        spec: AgentSpec = make_model_spec(base_url=script.url)
        with pytest.raises(kind):
            await asked.ask(spec, make_call())
