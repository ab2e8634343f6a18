"""A model server on loopback that speaks OpenAI's and Anthropic's dialects, and fails on command.

In a test, in a thread of its own:

    with ModelServer() as server:
        server.script(Behaviour(status=429, headers={"retry-after": "1"}), Behaviour())
        ...  # talk to server.openai_url or server.anthropic_url

On its own, for load tests and browsers (prints its OpenAI address on the first line):

    python -m tests.support.model_server --port 0 --latency 1.0

and then scripted over HTTP: `POST /control/script` with a list of behaviours as JSON objects,
`POST /control/release`, `POST /control/reset`, `GET /control/requests`.

Scripted behaviours are used up one a completion request, in order; after that, and by default,
`answers.debate_answer` answers in the form that the request asks for, so that whole debates run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import threading
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Literal, Self

import uvicorn

from tests.support import model_wire as wire
from tests.support.model_answers import debate_answer
from tests.support.model_wire import Answer, Api, ModelRequest

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_COMPLETIONS: Mapping[tuple[str, str], Api] = {
    ("POST", "/v1/chat/completions"): "openai",
    ("POST", "/v1/messages"): "anthropic",
}

PATIENCE_SECONDS = 60.0
"""How long a test waits for the server to have seen something before it fails."""


class Fault(StrEnum):
    """What goes wrong in the middle of an answer, after `Behaviour.after_pieces` pieces."""

    HOLD = "hold"
    """Nothing more comes until `ModelServer.release` (or the client goes away)."""
    CUT = "cut"
    """The connection closes without the end of the body."""
    CORRUPT = "corrupt"
    """An event that is not JSON, then the rest."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the server treats one completion request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "The server was told to fail."
    """The error's words, where `status` is an error."""
    answer: Answer | None = None
    """Instead of what the server would answer by itself."""
    finish_reason: str | None = "stop"
    """In OpenAI's words, for either dialect; None leaves it out."""
    report_usage: bool = True
    fault: Fault | None = None
    after_pieces: int = 2
    model: str = ""
    """Only for requests to this model; empty for any."""


@dataclass(eq=False, slots=True)
class Seen:
    """A completion request, and what has become of it."""

    request: ModelRequest
    disconnected: threading.Event = field(default_factory=threading.Event)
    """The client went away before the answer was complete."""
    finished: threading.Event = field(default_factory=threading.Event)
    """The answer was sent to its end."""
    started: threading.Event = field(default_factory=threading.Event)
    """The scripted point of trouble was reached, or the first piece was sent."""


@dataclass(slots=True)
class Options:
    """What holds for every request that no script says otherwise about."""

    models: tuple[str, ...] = ("test-large", "test-small")
    latency: float = 0.0
    """Seconds before the first piece."""
    piece_seconds: float = 0.0
    """Seconds between pieces."""
    piece_length: int = 24
    """Characters a piece."""
    key: str = ""
    """The only key that is let in; empty for any or none."""
    tools: Literal["call", "ignore", "refuse"] = "call"
    """Whether offered tools are called, overlooked (the answer is text), or refused with 400."""
    answer: Callable[[ModelRequest], Answer] = debate_answer


class ModelServer:
    """The server, in a thread of its own with an event loop of its own. A context manager."""

    def __init__(self, options: Options | None = None, *, port: int = 0) -> None:
        self.options = options or Options()
        self.seen: list[Seen] = []
        self.other_requests: list[tuple[str, Mapping[str, str]]] = []
        """Requests for anything but completions, such as "GET /v1/models", with their headers."""
        self._script: deque[Behaviour] = deque()
        self._changed = threading.Condition()
        self._held: list[asyncio.Event] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(2048)
        self.port: int = self._socket.getsockname()[1]
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._app,
                log_config=None,
                log_level="critical",
                interface="asgi3",
                lifespan="off",
                ws="none",
                timeout_keep_alive=60,
            )
        )
        self._thread = threading.Thread(target=self.serve, name="model-server", daemon=True)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def anthropic_url(self) -> str:
        return self.origin

    @property
    def requests(self) -> list[ModelRequest]:
        return [seen.request for seen in self.seen]

    def script(self, *behaviours: Behaviour) -> None:
        """Add to the behaviours for the next completion requests."""
        self._script.extend(behaviours)

    def reset(self, options: Options | None = None) -> None:
        """Forget scripts and requests; held answers go on."""
        self.release()
        self._script.clear()
        self.seen = []
        self.other_requests = []
        self.options = options or Options()

    @property
    def held(self) -> int:
        """How many answers wait for `release`."""
        return len(self._held)

    def release(self) -> None:
        """Let the answers that are held go on."""
        held, self._held = self._held, []
        for event in held:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(event.set)

    def wait_for_requests(self, count: int) -> list[Seen]:
        """Block until `count` completion requests have come; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.seen) >= count, PATIENCE_SECONDS):
                raise TimeoutError(f"{len(self.seen)} of {count} requests came")
        return self.seen

    def serve(self) -> None:
        """Serve in this thread until told to stop."""
        self._uvicorn.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._uvicorn.should_exit = True
        self._uvicorn.force_exit = True
        self._thread.join(PATIENCE_SECONDS)
        self._socket.close()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except ConnectionAbortedError:
            raise  # uvicorn closes the connection
        except Exception:
            traceback.print_exc()
            raise

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        body = await _read_body(receive)
        path, method = scope["path"], scope["method"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        api = _COMPLETIONS.get((method, path))
        if api is not None:
            try:
                request = wire.read_request(api, json.loads(body), headers, scope["client"])
            except (ValueError, KeyError, TypeError) as error:
                await _respond(send, 400, wire.error_body(api, 400, f"Bad request: {error!r}"))
            else:
                await self._complete(request, receive, send)
        elif path.startswith("/control/"):
            await self._control(path, body, send)
        else:
            self.other_requests.append((f"{method} {path}", headers))
            key = wire.key_in(headers)
            if not self._lets_in(key):
                await _respond(send, 401, wire.error_body("openai", 401, f"Bad key: {key}"))
            elif method == "GET" and path == "/v1/models":
                await _respond(send, 200, wire.models_body(self.options.models))
            else:
                await _respond(send, 404, wire.error_body("openai", 404, "No such path."))

    def _lets_in(self, key: str) -> bool:
        return not self.options.key or key == self.options.key

    async def _complete(self, request: ModelRequest, receive: Receive, send: Send) -> None:
        seen = Seen(request)
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()
        answering = asyncio.create_task(self._answer(seen, self._behaviour_for(request), send))
        leaving = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                seen.disconnected.set()
                answering.cancel()
                await asyncio.wait({answering})
                return
            answering.result()
        finally:
            leaving.cancel()

    def _behaviour_for(self, request: ModelRequest) -> Behaviour:
        for behaviour in self._script:
            if behaviour.model in {"", request.model}:
                self._script.remove(behaviour)
                return behaviour
        if not self._lets_in(request.key):
            return Behaviour(status=401, message=f"Incorrect API key provided: {request.key}.")
        if request.tools and self.options.tools == "refuse":
            return Behaviour(status=400, message=f"{request.model} does not support tools")
        return Behaviour()

    async def _answer(self, seen: Seen, behaviour: Behaviour, send: Send) -> None:
        request, options = seen.request, self.options
        if behaviour.status != 200:
            body = wire.error_body(request.api, behaviour.status, behaviour.message)
            await _respond(send, behaviour.status, body, behaviour.headers)
            seen.finished.set()
            return
        answer = options.answer(request) if behaviour.answer is None else behaviour.answer
        if options.tools == "ignore":
            answer = wire.as_text(answer)
        await asyncio.sleep(options.latency)
        if request.stream:
            await self._stream(seen, behaviour, answer, send)
        else:
            await self._trouble(seen, behaviour, send)
            body = wire.whole_body(
                request, answer, behaviour.finish_reason, report_usage=behaviour.report_usage
            )
            await _respond(send, 200, body, behaviour.headers)
        seen.finished.set()

    async def _stream(self, seen: Seen, behaviour: Behaviour, answer: Answer, send: Send) -> None:
        request, usage = seen.request, behaviour.report_usage
        text = wire.as_text(answer)
        length = self.options.piece_length
        pieces = [text[start : start + length] for start in range(0, len(text), length)]
        await _begin(send, 200, "text/event-stream", behaviour.headers)
        for event in wire.stream_head(request, answer, report_usage=usage):
            await _write(send, event)
        for number, piece in enumerate(pieces):
            if number == behaviour.after_pieces:
                await self._trouble(seen, behaviour, send)
            await _write(send, wire.stream_piece(request, piece))
            if self.options.piece_seconds:
                await asyncio.sleep(self.options.piece_seconds)
            seen.started.set()
        if len(pieces) <= behaviour.after_pieces:
            await self._trouble(seen, behaviour, send)
        for event in wire.stream_tail(request, answer, behaviour.finish_reason, report_usage=usage):
            await _write(send, event)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _trouble(self, seen: Seen, behaviour: Behaviour, send: Send) -> None:
        if behaviour.fault is Fault.HOLD:
            event = asyncio.Event()
            self._held.append(event)
            seen.started.set()
            await event.wait()
        elif behaviour.fault is Fault.CUT:
            seen.started.set()
            raise ConnectionAbortedError("told to cut the connection")
        elif behaviour.fault is Fault.CORRUPT and seen.request.stream:
            await _write(send, wire.corrupt_event(seen.request))

    async def _control(self, path: str, body: bytes, send: Send) -> None:
        if path == "/control/script":
            for item in json.loads(body):
                fault = item.pop("fault", None)
                self.script(Behaviour(**item, fault=Fault(fault) if fault else None))
        elif path == "/control/release":
            self.release()
        elif path == "/control/reset":
            self.reset(self.options)
        summary = [
            {
                "model": seen.request.model,
                "api": seen.request.api,
                "finished": seen.finished.is_set(),
                "disconnected": seen.disconnected.is_set(),
            }
            for seen in self.seen
        ]
        await _respond(send, 200, json.dumps({"requests": summary}).encode())


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _begin(send: Send, status: int, kind: str, headers: Mapping[str, str]) -> None:
    fields: Iterable[tuple[str, str]] = {"content-type": kind, **headers}.items()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in fields],
        }
    )


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _respond(
    send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    length = {"content-length": str(len(body))}
    await _begin(send, status, "application/json", {**length, **(headers or {})})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def main() -> None:
    defaults = Options()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before the first piece")
    parser.add_argument("--piece-seconds", type=float, default=0.0, help="seconds between pieces")
    parser.add_argument("--piece-length", type=int, default=defaults.piece_length)
    parser.add_argument("--models", default=",".join(defaults.models))
    parser.add_argument("--key", default="", help="the only key that is let in")
    parser.add_argument("--tools", choices=("call", "ignore", "refuse"), default="call")
    given = parser.parse_args()
    server = ModelServer(
        Options(
            models=tuple(given.models.split(",")),
            latency=given.latency,
            piece_seconds=given.piece_seconds,
            piece_length=given.piece_length,
            key=given.key,
            tools=given.tools,
        ),
        port=given.port,
    )
    print(server.openai_url, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
