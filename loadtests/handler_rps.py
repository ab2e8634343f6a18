"""Requests a second of the one-hop handler against Django's own ASGI handler.

The same project, settings and server (uvicorn, one process); only the handler differs. Requests
come over 32 connections that are kept alive, one at a time on each, for a few seconds.

    python -m loadtests.handler_rps [--seconds N] [--runs N]

The exit code is 1 when a ratio is below its target.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from aragora_site.tenancy.scopes import Purpose, across_tenants
from loadtests.support import Figure, free_port, process, report, scratch_directory
from loadtests.support import scratch_environment as environment

CONNECTIONS = 32
TARGET_RATIO = 4.0
ENDPOINTS = {
    "livez": "/livez",
    "health": "/api/health",
    "list of 20 debates": "/api/v1/debates",
}
DEBATES = 20


def serve(kind: str, port: int) -> None:
    """The server process."""
    import django
    import uvicorn

    django.setup()
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler

    from aragora_site.handler import OneHopHandler

    one_hop = kind == "one-hop"
    uvicorn.run(
        OneHopHandler(threads=settings.ARAGORA.web_threads, queue=settings.ARAGORA.web_queue)
        if one_hop
        else ASGIHandler(),
        port=port,
        lifespan="off",
        access_log=False,
        log_config=None,
    )


@across_tenants(Purpose.OPERATOR)
def fill() -> None:
    """Debates for the list."""
    import django

    django.setup()
    from tests.factories import make_debate

    for number in range(DEBATES):
        make_debate(f"Question {number}?")


async def load(port: int, path: str, seconds: float) -> float:
    """Requests answered a second."""
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

    counts = await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return sum(counts) / seconds


def measure(kind: str, path: str, seconds: float, env: dict[str, str]) -> float:
    import uvloop

    port = free_port()
    with process("-m", "loadtests.handler_rps", "--serve", kind, str(port), env=env, port=port):
        uvloop.run(load(port, path, 0.5))
        return uvloop.run(load(port, path, seconds))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], int(arguments.serve[1]))
        return 0
    if arguments.fill:
        fill()
        return 0
    figures = []
    with scratch_directory() as directory:
        env = environment(directory, DJANGO_SETTINGS_MODULE="aragora_site.settings")
        import subprocess

        subprocess.run(
            [sys.executable, "-m", "loadtests.handler_rps", "--fill"], env=env, check=True
        )
        for name, path in ENDPOINTS.items():
            rates: dict[str, list[float]] = {"stock": [], "one-hop": []}
            for _ in range(arguments.runs):
                for kind, values in rates.items():
                    values.append(measure(kind, path, arguments.seconds, env))
            figures += [
                Figure(f"{name}, stock handler", rates["stock"], "requests/s"),
                Figure(f"{name}, one hop", rates["one-hop"], "requests/s"),
                Figure(
                    f"{name}, ratio",
                    [hop / stock for hop, stock in zip(*reversed(rates.values()), strict=True)],
                    "",
                    at_least=TARGET_RATIO,
                ),
            ]
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
