"""How old a frame is when it reaches a reader of another instance, over Redis.

One process publishes 50 frames a second, another one holds the readers. Needs a Redis server.

    python -m loadtests.stream_between_instances [--runs N]

The exit code is 1 when a figure misses its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from statistics import median, quantiles
from uuid import UUID

import uvloop

from aragora_site.tenancy.scopes import Purpose, across_tenants
from loadtests.stream_clients import Crowd, milliseconds_since, now_mark
from loadtests.support import Figure, free_port, process, report, scratch_directory
from loadtests.support import scratch_environment as environment
from tests.support.processes import redis_server

READERS, FRAMES, FRAMES_PER_SECOND = 20, 250, 50
LIMIT_MILLISECONDS = 50.0
DEBATE = UUID("00000000-0000-4000-8000-000000000003")


async def publish() -> None:
    """The instance that runs the debate."""
    import django

    django.setup()
    from debates.streaming.events import EphemeralType
    from debates.streaming.publisher import publish_frame

    for _ in range(FRAMES):
        data = {"debate_id": str(DEBATE), "t": now_mark(), "message": "x" * 200}
        publish_frame(DEBATE, EphemeralType.AGENT_THINKING, data)
        await asyncio.sleep(1 / FRAMES_PER_SECOND)


@across_tenants(Purpose.OPERATOR)
def make_debate() -> None:
    import django

    django.setup()
    from tests.factories import make_debate as make

    make(id=DEBATE)


async def listen(port: int, env: dict[str, str]) -> list[float]:
    """The ages of all frames at all readers, ms."""
    ages: list[float] = []

    def on_frame(payload: memoryview) -> None:
        age = milliseconds_since(payload)
        if age is not None:
            ages.append(age)

    crowd = Crowd(on_frame)
    await crowd.connect(port, f"/ws?debate_id={DEBATE}", READERS)
    await asyncio.sleep(1)
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __spec__.name, "--publish", env=env
    )
    await publisher.wait()
    await asyncio.sleep(0.5)
    crowd.close()
    if len(ages) != READERS * FRAMES:
        raise RuntimeError(f"{len(ages)} of {READERS * FRAMES} frames arrived")
    return ages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--publish", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.publish:
        asyncio.run(publish())
        return 0
    if arguments.fill:
        make_debate()
        return 0
    middle, worst = [], []
    with scratch_directory() as directory, redis_server() as url:
        import subprocess

        port = free_port()
        env = environment(
            directory,
            DJANGO_SETTINGS_MODULE="aragora_site.settings",
            ARAGORA_PORT=str(port),
            ARAGORA_REDIS_URL=url,
        )
        subprocess.run([sys.executable, "-m", __spec__.name, "--fill"], env=env, check=True)
        with process("manage.py", "serve", env=env, port=port):
            for _ in range(arguments.runs):
                ages = uvloop.run(listen(port, env))
                middle.append(median(ages))
                worst.append(quantiles(ages, n=100)[98])
    return report(
        [
            Figure("publish to receive, median", middle, "ms"),
            Figure("publish to receive, p99", worst, "ms", at_most=LIMIT_MILLISECONDS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
