"""Fifty debates at once on one server process, with models that take a second a turn.

The server and the models are processes of their own; the debates are started over the API, all at
the same time, and each is followed on a socket to its end, tokens and all. The panel disagrees, so
that the debates take several rounds and a vote. One debate is held, and remembered, before: the
first one loads the libraries of the models and of memory, which is not what is measured here.

- Makespan: from the first request until every debate is over, over the ideal, which is the phases
  of the longest debate, as its own log has them, at a second each. The phases of a debate follow
  each other; nothing else needs to wait.
- Memory: the most that the server process had resident from its start to the end.

    python -m loadtests.fifty_debates [--debates N] [--latency SECONDS] [--runs N]

The exit code is 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import connect

from debates.choices import EventType
from loadtests.support import (
    ROOT,
    Figure,
    cpu_seconds,
    free_port,
    process,
    report,
    scratch_directory,
    scratch_environment,
)

MODELS = ["mill-large", "hume-small", "cleo-contrary"]
"""The agents that are made of them have their names."""
TIMES_IDEAL = 1.2
MEGABYTES = 250.0
LONGEST_WAIT = 300.0


@dataclass(frozen=True, slots=True)
class Course:
    """How a debate went."""

    phases: int
    """One after the other, each with its calls in parallel."""
    turns: int
    status: str


async def hold_debate(client: httpx.AsyncClient, port: int, number: int) -> Course:
    """Start one debate and follow it to its end."""
    question = f"Should town number {number} build the tram?"
    answer = await client.post("/api/v1/debates", json={"task": question, "agents": MODELS})
    answer.raise_for_status()
    query = urlencode({"debate_id": answer.json()["id"], "since_seq": 0})
    phases, turns = 0, set[str]()
    async with connect(
        f"ws://127.0.0.1:{port}/ws?{query}", proxy=None, max_queue=None, compression=None
    ) as socket:
        async for message in socket:
            frame = json.loads(message)
            phases += frame["type"] == EventType.PHASE_CHANGE
            if frame["type"] in {EventType.PROPOSE, EventType.REVISION, EventType.VOTE}:
                turns.add(frame["data"]["turn_id"])
            if frame["type"] == EventType.DEBATE_END:
                return Course(phases, len(turns), frame["data"]["status"])
    raise RuntimeError(f"debate {number} was cut off")


async def hold_debates(port: int, *, number: int) -> tuple[float, list[Course]]:
    """Hold so many at once; the seconds until the last was over."""
    limits = httpx.Limits(max_connections=number)
    async with (
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits, trust_env=False
        ) as client,
        asyncio.timeout(LONGEST_WAIT),
    ):
        began = time.perf_counter()
        courses = await asyncio.gather(*(hold_debate(client, port, n) for n in range(number)))
        return time.perf_counter() - began, courses


def wait_until_remembered(port: int) -> None:
    """Until memory has something, which it is told in a moment after a debate."""
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/memory/entries", trust_env=False)
        if answer.raise_for_status().json()["entries"]:
            return
        time.sleep(0.1)
    raise RuntimeError("the first debate was not remembered")


def peak_megabytes(pid: int) -> float:
    """The most that a process has had resident, mapped files included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say")


def measure(options: argparse.Namespace) -> tuple[float, float]:
    """One run on a server of its own: the makespan over the ideal, and the peak of its memory."""
    with scratch_directory() as directory:
        port, model_port = free_port(), free_port()
        env = scratch_environment(
            directory,
            ARAGORA_PORT=str(port),
            ARAGORA_MAX_CONCURRENT_DEBATES=str(options.debates),
            OPENAI_BASE_URL=f"http://127.0.0.1:{model_port}/v1",
            OPENAI_API_KEY="sk-none",
        )
        models = ("--port", str(model_port), "--delay", str(options.latency))
        names = ("--models", ",".join(MODELS), "--tokens-per-second", "0")
        module = ("manage.py", "mock_llm")
        with process(*module, *models, *names, env=env, port=model_port):
            subprocess.run(
                [sys.executable, "manage.py", "setup_agents", "--verbosity", "0"],
                cwd=ROOT,
                env=env,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            with process("manage.py", "serve", env=env, port=port) as server:
                asyncio.run(hold_debates(port, number=1))
                wait_until_remembered(port)
                before = cpu_seconds(server.pid)
                makespan, courses = asyncio.run(hold_debates(port, number=options.debates))
                used = cpu_seconds(server.pid) - before
                peak = peak_megabytes(server.pid)
    assert {course.status for course in courses} == {"completed"}, courses
    ideal = options.latency * max(course.phases for course in courses)
    turns = sum(course.turns for course in courses)
    print(
        f"{len(courses)} debates, {turns} turns in {makespan:.2f} s; ideal {ideal:.2f} s; "
        f"the server used {used:.2f} s of CPU time"
    )
    return makespan / ideal, peak


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debates", type=int, default=50)
    parser.add_argument("--latency", type=float, default=1.0, help="of the models, seconds")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    ratios, peaks = zip(*(measure(options) for _ in range(options.runs)), strict=True)
    return report(
        [
            Figure("makespan over the ideal", list(ratios), "", at_most=TIMES_IDEAL),
            Figure("resident memory at its peak", list(peaks), "MB", at_most=MEGABYTES),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
