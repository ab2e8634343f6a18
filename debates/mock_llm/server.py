"""A model server that speaks OpenAI's and Anthropic's dialects, and fails on command or by chance.

`manage.py mock_llm` runs it for demos and load tests; in a test:

    with ModelServer() as server:
        server.script(Behaviour(status=429, headers={"retry-after": "1"}), Behaviour())
        ...  # talk to server.openai_url or server.anthropic_url

Scripted behaviours are used up one a completion request, in order; after that chance decides, where
the options leave it something, and otherwise `answers.debate_answer` answers in the form that the
request asks for, so that whole debates run.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import uvicorn

from debates.mock_llm import wire
from debates.mock_llm.answers import debate_answer
from debates.mock_llm.asgi import Receive, Scope, Send, begin, disconnect, read_body, respond, write
from debates.mock_llm.behaviour import Behaviour, Chance, Fault
from debates.mock_llm.wire import Answer, Api, ModelRequest

_COMPLETIONS: Mapping[tuple[str, str], Api] = {
    ("POST", "/v1/chat/completions"): "openai",
    ("POST", "/v1/messages"): "anthropic",
}

PATIENCE_SECONDS = 60.0
"""How long `wait_for_requests` waits before it fails."""
BACKLOG = 2048


@dataclass(eq=False, slots=True)
class Seen:
    """A completion request, and what has become of it."""

    request: ModelRequest
    releases: int
    """How often answers had been let go on when it came."""
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
    chance: Chance | None = None
    """What goes wrong by itself."""


class ModelServer:
    """The server, in a thread of its own with an event loop of its own. A context manager."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        remember: bool = True,
    ) -> None:
        """Listens at once. `remember` keeps what was asked, in `seen`; a server that runs for long
        cannot."""
        self.options = options or Options()
        self.counts = Counter[str]()
        """Requests by what became of them: "asked", "answered", "left" and the kinds of trouble."""
        self._remember = remember
        self.seen: list[Seen] = []
        self.other_requests: list[tuple[str, Mapping[str, str]]] = []
        """Requests for anything but completions, such as "GET /v1/models", with their headers."""
        self._script: deque[Behaviour] = deque()
        self._changed = threading.Condition()
        self._held: list[asyncio.Event] = []
        self._releases = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(where)
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self.host = f"[{where[0]}]" if family == socket.AF_INET6 else str(where[0])
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
        self._thread = threading.Thread(target=self._serve, name="model-server", daemon=True)

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

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
        self.counts.clear()
        self.seen = []
        self.other_requests = []
        self.options = options or Options()

    @property
    def held(self) -> int:
        """How many answers wait for `release`."""
        return len(self._held)

    def release(self) -> None:
        """Let the answers go on that are held, and those that are about to be, to requests that
        have come."""
        with self._changed:
            self._releases += 1
            held, self._held = self._held, []
        for event in held:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(event.set)

    def wait_for_requests(self, count: int) -> list[Seen]:
        """Block until `count` completion requests have come; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.seen) >= count, PATIENCE_SECONDS):
                raise TimeoutError(f"{len(self.seen)} of {count} requests came")
        return self.seen

    def _serve(self) -> None:
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
        body = await read_body(receive)
        path, method = scope["path"], scope["method"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        api = _COMPLETIONS.get((method, path))
        if api is not None:
            try:
                request = wire.read_request(api, json.loads(body), headers, scope["client"])
            except (ValueError, KeyError, TypeError) as error:
                await respond(send, 400, wire.error_body(api, 400, f"Bad request: {error!r}"))
            else:
                await self._complete(request, receive, send)
        else:
            if self._remember:
                self.other_requests.append((f"{method} {path}", headers))
            key = wire.key_in(headers)
            if not self._lets_in(key):
                await respond(send, 401, wire.error_body("openai", 401, f"Bad key: {key}"))
            elif method == "GET" and path == "/v1/models":
                await respond(send, 200, wire.models_body(self.options.models))
            else:
                await respond(send, 404, wire.error_body("openai", 404, "No such path."))

    def _lets_in(self, key: str) -> bool:
        return not self.options.key or key == self.options.key

    async def _complete(self, request: ModelRequest, receive: Receive, send: Send) -> None:
        with self._changed:
            seen = Seen(request, self._releases)
            self.counts["asked"] += 1
            if self._remember:
                self.seen.append(seen)
            self._changed.notify_all()
        answering = asyncio.create_task(self._answer(seen, self._behaviour_for(request), send))
        leaving = asyncio.create_task(disconnect(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                seen.disconnected.set()
                self.counts["left"] += 1
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
        return self.options.chance.next(request) if self.options.chance else Behaviour()

    async def _answer(self, seen: Seen, behaviour: Behaviour, send: Send) -> None:
        request, options = seen.request, self.options
        if behaviour.status != 200:
            self.counts[str(behaviour.status)] += 1
            body = wire.error_body(request.api, behaviour.status, behaviour.message)
            await respond(send, behaviour.status, body, behaviour.headers)
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
            await respond(send, 200, body, behaviour.headers)
        seen.finished.set()
        self.counts["answered"] += 1

    async def _stream(self, seen: Seen, behaviour: Behaviour, answer: Answer, send: Send) -> None:
        request, usage = seen.request, behaviour.report_usage
        text = wire.as_text(answer)
        length = self.options.piece_length
        pieces = [text[start : start + length] for start in range(0, len(text), length)]
        await begin(send, 200, "text/event-stream", behaviour.headers)
        for event in wire.stream_head(request, answer, report_usage=usage):
            await write(send, event)
        for number, piece in enumerate(pieces):
            if number == behaviour.after_pieces:
                await self._trouble(seen, behaviour, send)
            await write(send, wire.stream_piece(request, piece))
            if self.options.piece_seconds:
                await asyncio.sleep(self.options.piece_seconds)
            seen.started.set()
        if len(pieces) <= behaviour.after_pieces:
            await self._trouble(seen, behaviour, send)
        for event in wire.stream_tail(request, answer, behaviour.finish_reason, report_usage=usage):
            await write(send, event)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _trouble(self, seen: Seen, behaviour: Behaviour, send: Send) -> None:
        if behaviour.fault is not None:
            self.counts[behaviour.fault] += 1
        if behaviour.fault is Fault.HOLD:
            event = asyncio.Event()
            with self._changed:
                if seen.releases == self._releases:
                    self._held.append(event)
                else:
                    event.set()
            seen.started.set()
            try:
                await event.wait()
            finally:
                if event in self._held:
                    self._held.remove(event)
        elif behaviour.fault is Fault.CUT:
            seen.started.set()
            raise ConnectionAbortedError("told to cut the connection")
        elif behaviour.fault is Fault.CORRUPT and seen.request.stream:
            await write(send, wire.corrupt_event(seen.request))
