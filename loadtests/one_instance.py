"""What one instance holds and costs: the scaling guide's table of a single instance.

One `manage.py serve` and, with PostgreSQL, one `manage.py worker`, with mock models that answer
after a second, all in processes of their own. Limits of requests are on and far away.

- Idle: memory of both processes, open files, connections to PostgreSQL and Redis.
- Requests: a static file, the probes, health and a list of debates, over 32 connections.
- Sockets: so many are opened and stay; how many were held, and what one takes.
- Debates: so many at once, each followed on a socket; how long all took beside the ideal (the time
  of the models alone), memory at its peak, CPU time and commits of one.

    python -m loadtests.one_instance [--database sqlite|postgresql] [--debates 10 50 100]
        [--sockets N] [--seconds N]

The exit code is 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import uvloop

from loadtests.fifty_debates import MODELS, hold_debates
from loadtests.handler_rps import load
from loadtests.stream_clients import Crowd
from loadtests.support import (
    Figure,
    cpu_seconds,
    free_port,
    process,
    report,
    scratch_environment,
)
from tests.support.processes import (
    Process,
    Server,
    aragora,
    postgres,
    redis_server,
    running,
)

LATENCY_SECONDS = 1.0
IDLE_SECONDS = 3.0
WARM_UP = 10
IDLE_MEGABYTES = 120.0
DEBATE_MEGABYTES = 2.0
SOCKET_MEGABYTES = 0.064
"""The guide: the buffer of a socket."""
STATIC_PER_SECOND = 500.0
STATIC_FILE = "/static/css/base.css"


@dataclass
class Instance:
    """The processes of one instance, and its database."""

    server: Server
    worker: Process | None
    database_url: str = ""
    redis_url: str = ""
    figures: list[Figure] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        workers = [self.worker.child.pid] if self.worker else []
        return [self.server.process.child.pid, *workers]

    @property
    def cpu(self) -> float:
        return sum(map(cpu_seconds, self.pids))

    def scalar(self, statement: str) -> float:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return float(row[0])


def kilobytes(pid: int, name: str) -> float:
    """A figure of the kernel's about a process: VmRSS, VmHWM, or Pss."""
    file = "smaps_rollup" if name == "Pss" else "status"
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1])
    raise RuntimeError(f"the kernel does not tell {name}")


def megabytes(pids: list[int], name: str = "VmRSS") -> float:
    return sum(kilobytes(pid, name) for pid in pids) / 1024


@contextlib.contextmanager
def instance(
    database: str, places: int, *, latency: float = LATENCY_SECONDS, **variables: str
) -> Iterator[Instance]:
    """An instance of so many places, with models that answer after `latency` seconds, and further
    variables."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aragora-load-")))
        model_port = free_port()
        given = variables
        variables = {
            "ARAGORA_MAX_CONCURRENT_DEBATES": str(places),
            "ARAGORA_EMBEDDER": "wordllama",
            "ARAGORA_LOG_LEVEL": "warning",
            "ARAGORA_DRAIN_SECONDS": "0",
            "ARAGORA_OPENAI_MODELS": ",".join(MODELS),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            "OPENAI_API_KEY": "none",
        }
        if database == "postgresql":
            url = stack.enter_context(postgres())
            redis = stack.enter_context(redis_server())
            variables |= {"DATABASE_URL": url, "ARAGORA_DIRECT_DATABASE_URL": url}
            variables |= {"ARAGORA_REDIS_URL": redis}
        mock = ("manage.py", "mock_llm", "--port", str(model_port), "--tokens-per-second", "0")
        options = ("--delay", str(latency), "--models", ",".join(MODELS))
        env = scratch_environment(folder / "mock")
        stack.enter_context(process(*mock, *options, env=env, port=model_port))
        server = stack.enter_context(aragora(folder / "data", **{**variables, **given}))
        worker = None
        if database == "postgresql":
            worker = Process([sys.executable, "manage.py", "worker"], env=server.env)
            stack.enter_context(running(worker))
            worker.wait_for_line("Working on")
        found = Instance(server, worker)
        if database == "postgresql":
            found.database_url, found.redis_url = url, redis
        yield found


# --- Idle --------------------------------------------------------------------------------------


def measure_idle(it: Instance) -> list[Figure]:
    time.sleep(IDLE_SECONDS)
    before = it.cpu
    time.sleep(IDLE_SECONDS)
    figures = [
        Figure("CPU, idle", [(it.cpu - before) / IDLE_SECONDS], "cores"),
        Figure("memory, idle", [megabytes(it.pids, "Pss")], "MB", at_most=IDLE_MEGABYTES),
    ]
    for name, pid in zip(("serve", "worker"), it.pids, strict=False):
        figures.append(Figure(f"memory of {name}, idle, resident", [megabytes([pid])], "MB"))
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        figures.append(Figure(f"open files of {name}, idle", [files], ""))
    if it.database_url:
        clients = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        figures.append(Figure("connections to PostgreSQL, idle", [it.scalar(clients)], ""))
        figures.append(Figure("connections to Redis, idle", [redis_clients(it.redis_url)], ""))
    return figures


def redis_clients(url: str) -> float:
    import redis

    with redis.Redis.from_url(url) as client:
        return float(client.info("clients")["connected_clients"]) - 1


# --- Requests ----------------------------------------------------------------------------------


def measure_requests(it: Instance, seconds: float) -> list[Figure]:
    port = it.server.port
    figures = []
    for name, path, least in (
        ("a static file", STATIC_FILE, STATIC_PER_SECOND),
        ("livez", "/livez", None),
        ("health", "/api/health", None),
        ("list of debates", "/api/v1/debates", None),
    ):
        uvloop.run(load(port, path, 0.5))
        rates = [uvloop.run(load(port, path, seconds)) for _ in range(3)]
        figures.append(Figure(name, rates, "requests/s", at_least=least))
    return figures


# --- Sockets -----------------------------------------------------------------------------------


def measure_sockets(it: Instance, count: int) -> list[Figure]:
    async def hold() -> tuple[float, float]:
        crowd = Crowd(lambda payload: None)
        await crowd.connect(it.server.port, "/ws", count)
        await asyncio.sleep(1)
        held = await asyncio.to_thread(websockets_of, it.server.url)
        memory = megabytes(it.pids[:1])
        crowd.close()
        return held, memory

    before = megabytes(it.pids[:1])
    held, after = asyncio.run(hold())
    each = (after - before) / count
    return [
        Figure("sockets held", [held], "", at_least=count),
        Figure("memory of a socket", [each], "MB", at_most=SOCKET_MEGABYTES),
    ]


def websockets_of(url: str) -> float:
    with urllib.request.urlopen(f"{url}/api/health", timeout=30) as answer:  # noqa: S310
        return float(json.load(answer)["websocket_connections"])


# --- Debates -----------------------------------------------------------------------------------


def measure_debates(it: Instance, count: int) -> list[Figure]:
    """On a fresh peak: the kernel forgets the last one."""
    for pid in it.pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    idle, cpu = megabytes(it.pids), it.cpu
    committed = it.scalar(commits) if it.database_url else 0.0
    makespan, courses = asyncio.run(hold_debates(it.server.port, number=count))
    used = it.cpu - cpu
    peak = megabytes(it.pids, "VmHWM")
    assert {course.status for course in courses} == {"completed"}, courses
    ideal = LATENCY_SECONDS * max(course.phases for course in courses)
    name = f"{count} debates at once"
    figures = [
        Figure(f"{name}: time", [makespan], "s"),
        Figure(f"{name}: time over the ideal", [makespan / ideal], ""),
        Figure(f"{name}: memory at the peak", [peak], "MB"),
        Figure(f"{name}: memory of one", [(peak - idle) / count], "MB", at_most=DEBATE_MEGABYTES),
        Figure(f"{name}: CPU time of one", [used / count * 1000], "ms"),
        Figure(f"{name}: turns of one", [sum(c.turns for c in courses) / count], ""),
    ]
    if it.database_url:
        time.sleep(1.5)  # PostgreSQL counts once a second.
        each = (it.scalar(commits) - committed) / count
        figures.append(Figure(f"{name}: commits of one, readers included", [each], ""))
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--debates", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load, for each address")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with instance(options.database, max(options.debates)) as it:
        it.server.restart()  # Without what preparing it has loaded.
        figures = measure_idle(it)
        figures += measure_requests(it, options.seconds)
        figures += measure_sockets(it, options.sockets)
        # What is loaded once is not counted with the debates. Memory is searched for the first time
        # by those that find something there.
        for _ in range(2):
            asyncio.run(hold_debates(it.server.port, number=WARM_UP))
        for count in options.debates:
            figures += measure_debates(it, count)
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
