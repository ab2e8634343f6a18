"""The scaling guide's horizontal table in shape: 1, 2 and 3 instances behind nginx.

Each instance is a `manage.py serve` process on one PostgreSQL and one Redis, behind the shipped
nginx configuration, with models that answer after a while. Everything is sent to nginx alone. For
each number of instances:

- Sockets: 500 for each instance are opened at once and stay; how many were held, and how evenly.
- Debates: as many are started at once as the instances have places for; how many ran at the same
  time, and how long all of them took.
- What an instance costs: memory idle, memory of a socket, CPU time of a debate.

What this can show: that places and sockets add up, that nginx spreads them, and that no instance
needs another. What it cannot: that throughput grows with instances, because all of them, the
databases, the models and the readers share the cores of one machine.

    python -m loadtests.instances_behind_nginx [--instances 1 2 3] [--places N] [--sockets N]

Needs PostgreSQL, Redis and nginx. The exit code is 1 when something was not held.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from debates.mock_llm.server import ModelServer, Options
from loadtests.stream_clients import Crowd
from loadtests.support import cpu_seconds
from tests.support.processes import Server, aragora, free_port, nginx, postgres, redis_server

MODELS = ("mill-large", "hume-small", "cleo-contrary")
"""The agents that are made of them have their names."""
LATENCY_SECONDS = 1.0
IDLE_SECONDS = 3.0
LONGEST_WAIT = 300.0
SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """What so many instances held."""

    instances: int
    sockets: int
    sockets_wanted: int
    fewest_sockets: int
    debates: int
    debates_wanted: int
    makespan: float
    completed: int
    idle_megabytes: float
    idle_cores: float
    socket_kilobytes: float
    debate_cpu_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.instances} instances: {self.sockets} sockets ({self.fewest_sockets} or more at "
            f"each), {self.debates} debates at once, {self.completed} completed in "
            f"{self.makespan:.1f} s; of an instance: {self.idle_megabytes:.0f} MB and "
            f"{self.idle_cores:.3f} cores idle, {self.socket_kilobytes:.0f} KB a socket, "
            f"{self.debate_cpu_seconds:.2f} s of CPU time a debate"
            f"{'' if self.holds else '  MISSED'}"
        )

    @property
    def holds(self) -> bool:
        everything = self.sockets == self.sockets_wanted and self.debates == self.debates_wanted
        return everything and self.completed == self.debates_wanted


def megabytes(pid: int) -> float:
    """What a process has resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say")


def health(server: Server) -> dict[str, int]:
    found: dict[str, int] = httpx.get(f"{server.url}/api/health", timeout=30).json()
    return found


@contextlib.contextmanager
def instances_of(count: int, places: int) -> Iterator[tuple[list[Server], Server]]:
    """So many instances and nginx before them."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = Options(models=MODELS, latency=LATENCY_SECONDS)
        models = stack.enter_context(ModelServer(options))
        variables = {
            "DATABASE_URL": stack.enter_context(postgres()),
            "ARAGORA_REDIS_URL": stack.enter_context(redis_server()),
            "ARAGORA_SECRET_KEY": "the same on every instance of a site, as the guide says",
            "ARAGORA_MAX_CONCURRENT_DEBATES": str(places),
            "ARAGORA_TRUSTED_PROXIES": "127.0.0.1",
            "ARAGORA_LIMIT_LOOPBACK": "false",
            "ARAGORA_LOG_LEVEL": "warning",
            "ARAGORA_DRAIN_SECONDS": "0",
            "OPENAI_BASE_URL": models.openai_url,
        }
        servers = [stack.enter_context(aragora(folder, **variables))]
        for _ in range(count - 1):
            port = free_port()
            env = {**servers[0].env, "ARAGORA_PORT": str(port)}
            server = Server(env=env, port=port, process=servers[0].process)
            server.start()
            stack.callback(server.process.stop)
            servers.append(server)
        yield servers, stack.enter_context(nginx(servers))


def measure(count: int, *, places: int, sockets: int) -> Row:
    with instances_of(count, places) as (servers, balancer):
        pids = [server.process.child.pid for server in servers]
        warm_up = hold_debates(balancer, count)
        assert warm_up[1] == count
        before = sum(map(cpu_seconds, pids))
        time.sleep(IDLE_SECONDS)
        idle_cores = (sum(map(cpu_seconds, pids)) - before) / IDLE_SECONDS / count
        idle = [megabytes(pid) for pid in pids]
        held, fewest, loaded = asyncio.run(hold_sockets(servers, balancer, pids, sockets * count))
        before = sum(map(cpu_seconds, pids))
        most, completed, makespan = hold_debates(balancer, places * count)
        used = sum(map(cpu_seconds, pids)) - before - idle_cores * makespan * count
    return Row(
        instances=count,
        sockets=held,
        sockets_wanted=sockets * count,
        fewest_sockets=fewest,
        debates=most,
        debates_wanted=places * count,
        makespan=makespan,
        completed=completed,
        idle_megabytes=sum(idle) / count,
        idle_cores=idle_cores,
        socket_kilobytes=max(0.0, loaded - sum(idle)) * 1024 / held,
        debate_cpu_seconds=used / (places * count),
    )


async def hold_sockets(
    servers: list[Server], balancer: Server, pids: list[int], count: int
) -> tuple[int, int, float]:
    """How many sockets are held, the fewest at an instance, and the memory of all instances."""
    crowd = Crowd(lambda payload: None)
    await crowd.connect(balancer.port, "/ws", count)
    await asyncio.sleep(SETTLE_SECONDS)
    held = [(await asyncio.to_thread(health, one))["websocket_connections"] for one in servers]
    loaded = sum(megabytes(pid) for pid in pids)
    assert not crowd.closed
    crowd.close()
    await asyncio.sleep(SETTLE_SECONDS)
    return sum(held), min(held), loaded


def hold_debates(balancer: Server, count: int) -> tuple[int, int, float]:
    """Start so many at once: the most that ran together, how many completed, and the seconds."""
    most, ids = 0, []
    with httpx.Client(base_url=balancer.url, timeout=60) as client:
        began = time.monotonic()
        for number in range(count):
            task = f"Should town number {number} build the tram?"
            answer = client.post("/api/v1/debates", json={"task": task, "agents": list(MODELS)})
            ids.append(answer.raise_for_status().json()["id"])
        waiting, completed = set(ids), 0
        while waiting and time.monotonic() - began < LONGEST_WAIT:
            most = max(most, health(balancer)["active_debates"] or 0)
            for debate in list(waiting)[:5]:
                status = client.get(f"/api/v1/debates/{debate}").json()["status"]
                if status in {"completed", "failed", "cancelled"}:
                    waiting.discard(debate)
                    completed += status == "completed"
            time.sleep(0.05)
        return most, completed, time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instances", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--places", type=int, default=10, help="debates at once, an instance")
    parser.add_argument("--sockets", type=int, default=500, help="an instance")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows = []
    for count in options.instances:
        rows.append(row := measure(count, places=options.places, sockets=options.sockets))
        print(row, flush=True)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
