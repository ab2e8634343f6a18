"""What the limiter costs: a check, a request, a million callers.

- A check: taking from the buckets of a page view (1), a call (2) and the start of a debate (3), in
  this process and in Redis.
- A request: the requests a second of one server process with the one-hop handler and a view that
  does nothing, and the CPU time a request costs it beyond that view: bare, with the project's
  limiter, and with django-ratelimit's decorator (one limit by address; fixed windows, no headers),
  each in the process's memory and in Redis, in one run.
- Memory: a million callers in this process, and that more of them take no more; a key in Redis.

    python -m loadtests.limiter_cost [--seconds N] [--runs N]

The exit code is 1 when a figure misses its target.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from loadtests.support import (
    Figure,
    cpu_seconds,
    free_port,
    process,
    report,
    scratch_directory,
    scratch_environment,
)

CALLERS = 1_000_000
REDIS_CALLERS = 100_000
CHECKS = 20_000
CONNECTIONS = 16
KINDS = ("bare", "limiter", "decorator")
STORES = ("memory", "redis")
MOST_MICROSECONDS = 10.0
MOST_BYTES = 250.0
LARGE_RATE = "10000000/m"


# --- A check -----------------------------------------------------------------------------------


def checks(redis_url: str, runs: int) -> list[Figure]:
    from ratelimit.backends.base import Ask
    from ratelimit.backends.local import LocalBuckets
    from ratelimit.backends.redis import RedisBuckets
    from ratelimit.gcra import Pace

    pace = Pace(10_000_000, 60, 20_000_000)
    shared = RedisBuckets(redis_url, prefix=f"cost:{uuid4().hex}:", least_ttl=120)
    figures = []
    stores = (
        # Nothing is waited for in memory, so that CPU time says it, whatever else the machine does.
        ("memory", LocalBuckets(), time.process_time),
        ("redis", shared, time.perf_counter),
    )
    for store, buckets, clock in stores:
        for count, what in ((1, "a page view"), (2, "a call"), (3, "a debate's start")):
            asks = [Ask(f"bucket{number}:203.0.113.7", pace) for number in range(count)]
            figures.append(
                Figure(
                    f"check in {store}, {what}",
                    [microseconds(lambda: buckets.take(asks), clock) for _ in range(runs)],  # noqa: B023
                    "us",
                    at_most=MOST_MICROSECONDS if store == "memory" else None,
                )
            )
    return figures


def microseconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    for _ in range(100):
        work()
    started = clock()
    for _ in range(CHECKS):
        work()
    return (clock() - started) / CHECKS * 1e6


# --- A request ---------------------------------------------------------------------------------


def serve(kind: str, port: int) -> None:
    """The server process."""
    import django
    import uvicorn

    django.setup()
    from django.conf import settings

    limited = ["aragora_site.middleware.RateLimitMiddleware"]
    settings.MIDDLEWARE = limited if kind == "limiter" else []
    settings.ROOT_URLCONF = "loadtests.limiter_views"

    from aragora_site.handler import OneHopHandler

    uvicorn.run(
        OneHopHandler(threads=settings.ARAGORA.web_threads, queue=settings.ARAGORA.web_queue),
        port=port,
        lifespan="off",
        access_log=False,
        log_config=None,
    )


async def load(port: int, path: str, seconds: float) -> int:
    """Requests answered."""
    deadline = time.perf_counter() + seconds
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = 0
        while time.perf_counter() < deadline:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            answered += 1
        writer.close()
        return answered

    return sum(await asyncio.gather(*(ask() for _ in range(CONNECTIONS))))


def measure(kind: str, env: dict[str, str], seconds: float) -> tuple[float, float]:
    """Requests a second, and CPU microseconds a request."""
    import uvloop

    port, path = free_port(), "/api/decorated" if kind == "decorator" else "/api/plain"
    arguments = ("-m", "loadtests.limiter_cost", "--serve", kind, str(port))
    with process(*arguments, env=env, port=port) as server:
        uvloop.run(load(port, path, 0.5))
        before = cpu_seconds(server.pid)
        answered = uvloop.run(load(port, path, seconds))
        spent = cpu_seconds(server.pid) - before
    return answered / seconds, spent / answered * 1e6


def requests(directory: Path, redis_url: str, *, seconds: float, runs: int) -> list[Figure]:
    rates: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    for _ in range(runs):
        for kind in KINDS:
            for store in STORES if kind != "bare" else ("memory",):
                env = scratch_environment(
                    directory,
                    DJANGO_SETTINGS_MODULE="aragora_site.settings",
                    **({"ARAGORA_REDIS_URL": redis_url} if store == "redis" else {}),
                )
                name = kind if kind == "bare" else f"{kind} in {store}"
                rate, cost = measure(kind, env, seconds)
                rates.setdefault(name, []).append(rate)
                costs.setdefault(name, []).append(cost)
    bare = costs.pop("bare")
    figures = [Figure(f"requests, {name}", values, "requests/s") for name, values in rates.items()]
    for name, values in costs.items():
        beyond = [cost - least for cost, least in zip(values, bare, strict=True)]
        figures.append(Figure(f"CPU a request beyond the bare view, {name}", beyond, "us"))
    for store in STORES:
        pairs = zip(rates[f"limiter in {store}"], rates[f"decorator in {store}"], strict=True)
        ratio = [ours / theirs for ours, theirs in pairs]
        figures.append(Figure(f"requests, limiter to decorator, {store}", ratio, "", at_least=1.0))
    return figures


# --- Memory ------------------------------------------------------------------------------------


def memory(redis_url: str) -> list[Figure]:
    import redis

    from ratelimit.backends.base import Ask
    from ratelimit.backends.local import LocalBuckets
    from ratelimit.backends.redis import RedisBuckets
    from ratelimit.gcra import Pace

    pace = Pace(30, 60, 60)

    def name(number: int) -> str:
        return f"anonymous:{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}.{number % 251}"

    gc.collect()
    before = resident_bytes()
    buckets = LocalBuckets(most=CALLERS)
    for number in range(CALLERS - 1):
        buckets.take([Ask(name(number), pace)])
    held = len(buckets)
    filled = resident_bytes() - before
    for number in range(CALLERS, 2 * CALLERS):
        buckets.take([Ask(name(number), pace)])
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        empty = client.info("memory")["used_memory"]
        shared = RedisBuckets(redis_url, prefix="aragora:ratelimit:", least_ttl=120)
        for number in range(REDIS_CALLERS):
            shared.take([Ask(name(number), pace)])
        used = client.info("memory")["used_memory"] - empty
    return [
        Figure("callers held in this process", [float(held)], "", at_most=CALLERS),
        Figure("the same after twice as many", [float(len(buckets))], "", at_most=CALLERS),
        Figure("bytes a caller in this process", [filled / held], "B", at_most=MOST_BYTES),
        Figure("all of them", [filled / 2**20], "MiB"),
        Figure("the same after twice as many", [(resident_bytes() - before) / 2**20], "MiB"),
        Figure("bytes a caller in Redis", [used / REDIS_CALLERS], "B"),
    ]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], int(arguments.serve[1]))
        return 0
    from tests.support.processes import redis_server

    with redis_server() as redis_url, scratch_directory() as directory:
        figures = checks(redis_url, arguments.runs)
        figures += requests(directory, redis_url, seconds=arguments.seconds, runs=arguments.runs)
        figures += memory(redis_url)
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
