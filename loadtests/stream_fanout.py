"""One debate, a thousand readers: what a delivery costs, and how fast they come.

The server (the hub under uvicorn, or a bare `websockets.broadcast()` for comparison) and the
readers are one process each. Frames of 1 KB are published as fast as the readers get them, at
most a window ahead; then 10 a second, to see how old they are when they arrive.

    python -m loadtests.stream_fanout [--readers N] [--frames N] [--runs N]

The exit code is 1 when a figure misses its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import uvloop

from aragora_site.tenancy.scopes import Purpose, across_tenants
from loadtests.stream_clients import Crowd, milliseconds_since, now_mark
from loadtests.support import Figure, free_port, process, report, scratch_directory
from loadtests.support import scratch_environment as environment

LEAST_BYTES = 900
WINDOW, ACKNOWLEDGED = 64, 8
"""Frames that may be on their way, and how often their arrival is told."""
PACED_PER_SECOND = 10
PAYLOAD = "x" * 700
DEBATE = UUID("00000000-0000-4000-8000-000000000001")
KINDS = {
    "direct": "hub, frames straight to the transport",
    "asgi": "hub, by ASGI's send",
    "bare": "bare websockets.broadcast()",
}


# --- The server process ------------------------------------------------------------------------


class Control:
    """A line from the readers' process starts a run; lines acknowledge frames; one line answers."""

    def __init__(self, publish: Callable[[str], int], readers: Callable[[], int]) -> None:
        """`publish` sends a frame to every reader and tells its size."""
        self._publish = publish
        self._readers = readers

    async def serve(self, port: int) -> None:
        await asyncio.start_server(self._handle, "127.0.0.1", port)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            command = json.loads(line)
            if command["do"] == "status":
                answer: dict[str, Any] = {"readers": self._readers(), "rss": _resident_bytes()}
            elif command["do"] == "flood":
                answer = await self._flood(command["frames"], reader)
            else:
                answer = await self._pace(command["frames"])
            writer.write(json.dumps(answer).encode() + b"\n")

    async def _flood(self, frames: int, reader: asyncio.StreamReader) -> dict[str, Any]:
        size, arrived = 0, 0
        cpu, wall = time.process_time(), time.perf_counter()
        for number in range(frames):
            while number - arrived >= WINDOW:
                arrived = int(await reader.readline())
            size = self._publish(now_mark())
            await asyncio.sleep(0)
        while arrived < frames:
            arrived = int(await reader.readline())
        return {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "bytes": size,
        }

    async def _pace(self, frames: int) -> dict[str, Any]:
        for _ in range(frames):
            self._publish(now_mark())
            await asyncio.sleep(1 / PACED_PER_SECOND)
        return {}


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def serve_hub(port: int, control_port: int, *, direct: bool) -> None:
    import django
    import uvicorn

    django.setup()
    from debates.streaming.envelope import Frame
    from debates.streaming.events import EphemeralType
    from debates.streaming.fastpath import DirectWriter
    from debates.streaming.hub import get_hub
    from debates.streaming.routing import application as sockets
    from debates.streaming.uvicorn_sockets import PROTOCOL

    if not direct:
        DirectWriter.of = classmethod(lambda cls, send: None)  # type: ignore[method-assign, assignment]
    hub = get_hub()

    def publish(mark: str) -> int:
        data = {"debate_id": str(DEBATE), "t": mark, "message": PAYLOAD}
        frame = Frame(str(DEBATE), EphemeralType.AGENT_THINKING, data, "2025-01-01T00:00:00Z")
        hub.put([frame])
        return len(frame.body()) + 50

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await sockets(scope, receive, send)
            return
        await receive()
        await hub.start()
        await Control(publish, lambda: len(hub.outlets)).serve(control_port)
        await send({"type": "lifespan.startup.complete"})
        await receive()

    uvicorn.run(
        application,
        port=port,
        ws=PROTOCOL,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        lifespan="on",
        backlog=4096,
        timeout_graceful_shutdown=1,
    )


def serve_bare(port: int, control_port: int) -> None:
    import websockets.asyncio.server as bare

    connections: set[bare.ServerConnection] = set()

    async def handle(connection: bare.ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    def publish(mark: str) -> int:
        envelope = {
            "type": "agent_thinking",
            "data": {"debate_id": str(DEBATE), "t": mark, "message": PAYLOAD},
            "timestamp": "2025-01-01T00:00:00Z",
            "debate_id": str(DEBATE),
            "loop_id": str(DEBATE),
            "round": None,
            "agent": None,
            "trace_id": "",
            "epoch": str(DEBATE),
        }
        text = json.dumps(envelope, separators=(",", ":"))
        bare.broadcast(connections, text)
        return len(text)

    async def main() -> None:
        await Control(publish, lambda: len(connections)).serve(control_port)
        async with bare.serve(handle, "127.0.0.1", port, compression=None, backlog=4096):
            await asyncio.get_running_loop().create_future()

    uvloop.run(main())


# --- The readers' process ----------------------------------------------------------------------


@dataclass
class Measured:
    """One run of one kind of server."""

    deliveries_per_second: float
    microseconds_cpu: float
    idle_kilobytes: float
    age_p99: float


class Run:
    """A thousand readers of one server, and the line to it."""

    def __init__(self, readers: int) -> None:
        self._readers = readers
        self._marked = 0
        self._told = 0
        self._ages: list[float] | None = None
        self._crowd = Crowd(self._on_frame)

    async def measure(self, port: int, control_port: int, frames: int) -> Measured:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", control_port)
        before = await self._ask("status")
        await self._crowd.connect(port, f"/ws?debate_id={DEBATE}", self._readers)
        await asyncio.sleep(2)
        after = await self._ask("status")
        if after["readers"] != self._readers:
            raise RuntimeError(f"only {after['readers']} readers are connected")
        await self._flood(frames // 10)
        flood = await self._flood(frames)
        ages = await self._pace(PACED_PER_SECOND * 5)
        if self._crowd.closed:
            raise RuntimeError(f"{self._crowd.closed} readers were closed")
        self._crowd.close()
        deliveries = frames * self._readers
        return Measured(
            deliveries_per_second=deliveries / flood["wall"],
            microseconds_cpu=flood["cpu"] / deliveries * 1e6,
            idle_kilobytes=(after["rss"] - before["rss"]) / self._readers / 1024,
            age_p99=quantiles(ages, n=100)[98],
        )

    async def _ask(self, do: str, **more: Any) -> dict[str, Any]:
        self._writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._reader.readline())
        return answer

    async def _flood(self, frames: int) -> dict[str, Any]:
        self._marked = self._told = 0
        self._ages = None
        return await self._ask("flood", frames=frames)

    async def _pace(self, frames: int) -> list[float]:
        self._ages = []
        await self._ask("pace", frames=frames)
        await asyncio.sleep(0.5)
        return self._ages

    def _on_frame(self, payload: memoryview) -> None:
        if self._ages is not None:
            age = milliseconds_since(payload)
            if age is not None:
                self._ages.append(age)
            return
        if len(payload) < LEAST_BYTES:  # The greeting, or a heartbeat.
            return
        self._marked += 1
        arrived = self._marked // self._readers
        if arrived >= self._told + ACKNOWLEDGED or (
            self._marked % self._readers == 0 and arrived > self._told
        ):
            self._told = arrived
            self._writer.write(b"%d\n" % arrived)


@across_tenants(Purpose.OPERATOR)
def make_debate() -> None:
    import django

    django.setup()
    from tests.factories import make_debate as make

    make(id=DEBATE)


def measure(kind: str, env: dict[str, str], readers: int, frames: int) -> Measured:
    port, control = free_port(), free_port()
    arguments = ("-m", "loadtests.stream_fanout", "--serve", kind, str(port), str(control))
    with process(*arguments, env=env, port=port):
        return uvloop.run(Run(readers).measure(port, control, frames))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        kind, port, control = arguments.serve
        if kind == "bare":
            serve_bare(int(port), int(control))
        else:
            serve_hub(int(port), int(control), direct=kind == "direct")
        return 0
    if arguments.fill:
        make_debate()
        return 0
    return compare(arguments.readers, arguments.frames, arguments.runs)


def compare(readers: int, frames: int, runs: int) -> int:
    import subprocess

    results: dict[str, list[Measured]] = {kind: [] for kind in KINDS}
    with scratch_directory() as directory:
        env = environment(
            directory,
            DJANGO_SETTINGS_MODULE="aragora_site.settings",
            ARAGORA_MAX_WEBSOCKET_CONNECTIONS=str(readers + 10),
        )
        subprocess.run(
            [sys.executable, "-m", "loadtests.stream_fanout", "--fill"], env=env, check=True
        )
        for _ in range(runs):
            for kind, found in results.items():
                found.append(measure(kind, env, readers, frames))
    figures = []
    for kind, name in KINDS.items():
        found = results[kind]
        at_least = {"direct": 60_000.0, "asgi": None, "bare": None}[kind]
        cost = 12.0 if kind == "direct" else None
        speeds = [one.deliveries_per_second for one in found]
        figures += [
            Figure(name, speeds, "deliveries/s", at_least=at_least),
            Figure(f"{name}, CPU", [one.microseconds_cpu for one in found], "µs", at_most=cost),
        ]
    bare = results["bare"]
    for kind in ("direct", "asgi"):
        ratios = [
            ours.deliveries_per_second / theirs.deliveries_per_second
            for ours, theirs in zip(results[kind], bare, strict=True)
        ]
        limit = 0.9 if kind == "direct" else None
        figures.append(Figure(f"{KINDS[kind]}, to bare", ratios, "×", at_least=limit))
    direct = results["direct"]
    figures += [
        Figure("age of a frame, paced, p99", [one.age_p99 for one in direct], "ms", at_most=25.0),
        Figure("an idle socket", [one.idle_kilobytes for one in direct], "KB", at_most=40.0),
    ]
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
