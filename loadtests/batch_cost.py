"""What a batch costs beside the same debates one by one: CPU time of the server, on SQLite.

Nothing runs the debates meanwhile. Each run begins with an empty queue.

    python -m loadtests.batch_cost [--debates N] [--runs N]

The exit code is 1 when a figure misses its limit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from loadtests.support import (
    Figure,
    cpu_seconds,
    free_port,
    process,
    report,
    scratch_directory,
    scratch_environment,
)

BATCH = "/api/v1/debates/batch"
MOST_TO_START, MOST_TO_LOOK = 200.0, 50.0
"""Milliseconds for fifty debates; commonly 25 and 10."""
TIMES = 10
"""CPU time is told in hundredths of a second, so each call is measured several times over."""


@contextmanager
def server() -> Iterator[tuple[int, httpx.Client]]:
    """Its process id, and a client."""
    with scratch_directory() as directory:
        env = scratch_environment(
            directory, ARAGORA_SERVER_RUNS_DEBATES="false", ARAGORA_MAX_QUEUED_DEBATES="100000"
        )
        port = free_port()
        serve = ("manage.py", "serve", "--prepare", "--port", str(port))
        with (
            process(*serve, env=env, port=port) as running,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            yield running.pid, client


def measure(count: int) -> dict[str, float]:
    """Milliseconds of CPU time for what is done with `count` debates."""
    debates = [{"task": f"Should the town build tram {number}?"} for number in range(count)]
    batches: list[str] = []

    with server() as (pid, client):

        def call(method: str, path: str, body: Any = None) -> Any:
            return client.request(method, path, json=body).raise_for_status().json()

        def spent(work: Callable[[], object], times: int) -> float:
            before = cpu_seconds(pid)
            for _ in range(times):
                work()
            return (cpu_seconds(pid) - before) / times * 1000

        def submit() -> None:
            batches.append(call("POST", BATCH, {"requests": debates})["batch_id"])

        def one_by_one() -> None:
            for debate in debates:
                call("POST", "/api/v1/debates", debate)

        def cancel() -> None:
            call("POST", f"{BATCH}/{batches.pop()}/cancel", {})

        submit()
        cancel()
        figures = {
            "as a batch": spent(submit, TIMES),
            "status": spent(lambda: call("GET", f"{BATCH}/{batches[0]}/status"), TIMES),
            "list": spent(lambda: call("GET", BATCH), TIMES),
            "cancel": spent(cancel, TIMES),
        }
        return figures | {"one by one": spent(one_by_one, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debates", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    runs = [measure(arguments.debates) for _ in range(arguments.runs)]
    limits = {"as a batch": MOST_TO_START, "status": MOST_TO_LOOK, "list": MOST_TO_LOOK}
    return report(
        [
            Figure(
                f"{arguments.debates} debates, {name}",
                [run[name] for run in runs],
                "ms CPU",
                at_most=limits.get(name),
            )
            for name in runs[0]
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
