"""Workers on PostgreSQL: how fast debates are queued and run, and how soon a dead one is replaced.

PostgreSQL, the models and the workers are processes of their own on this machine. Five agents that
disagree make a debate of twenty turns in four phases.

- Enqueue: debates a second that two processes create, as two instances would, from four threads
  each, jobs and all.
- Makespan of a crowd: 50 debates at once in one worker, models that take 0.1 s. From the start of
  the worker's taking until every debate is over, over the ideal: every place always taken, by
  debates whose turns follow each other. The turns of a phase are asked for at once, so a machine
  with cores to spare could stay below that: the time of the phases alone is given beside it. It
  takes 2500 calls a second, of the worker and of the model server alike.
- CPU a debate: what a worker uses for one, in its 20 calls.
- Two workers over one: how many times as fast the same debates are over; 10 debates at once a
  worker and models that take a second, so that workers wait for models and not for this machine's
  cores, of which everything here has to have its share.
- Takeover: from kill -9 of the worker to the first new turn by the other; and from SIGSTOP, where
  nothing but the lease tells that it is gone.

    python -m loadtests.workers [--debates N] [--concurrency N] [--latency SECONDS] [--runs N]

The exit code is 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from loadtests.support import (
    ROOT,
    Figure,
    cpu_seconds,
    free_port,
    process,
    report,
    scratch_environment,
)
from tests.support.processes import Process, postgres, running

MODELS = ["mill-large", "hume-small", "cleo-contrary", "kant-contrary", "mary-large"]
PHASES, TURNS = 4, 20
PROCESSES, THREADS = 2, 4
WARM_UP = PROCESSES * THREADS * 2
PATIENT_DEBATES, PATIENT_CONCURRENCY, PATIENT_LATENCY = 80, 10, 1.0
"""Of the two workers over one."""
TIMES_IDEAL, SPEED_UP = 1.5, 1.8
ENQUEUED_A_SECOND = 500.0
TAKEOVER_SECONDS = 30.0
LONGEST_WAIT = 400.0


def count(url: str, statement: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        [number] = connection.execute(statement.encode()).fetchone() or (0,)
    return int(number)


def wait_for(url: str, statement: str, least: int) -> float:
    """The moment at which the figure is first so high."""
    deadline = time.monotonic() + LONGEST_WAIT
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            [number] = connection.execute(statement.encode()).fetchone() or (0,)
            if number >= least:
                return time.monotonic()
            if time.monotonic() > deadline:
                raise RuntimeError(f"never came: {statement}")
            time.sleep(0.02)


OVER = "SELECT COUNT(*) FROM debates_debate WHERE status IN ('completed', 'failed', 'cancelled')"
TURNS_SO_FAR = "SELECT COUNT(*) FROM debates_turn"


def enqueue(debates: int) -> float:
    """Create so many; the seconds. Runs in a process that is set up for the database."""
    from django.db import connections
    from django.utils import timezone

    from debates.services.creation import NewDebate, create_debate

    request = NewDebate(
        "Should the town build the tram?", agents=tuple(MODELS), decision="majority"
    )

    def create(_: int) -> None:
        create_debate(request=request, owner=None, now=timezone.now())
        connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(create, range(THREADS)))  # What is loaded once is not measured.
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()
        list(threads.map(create, range(debates - THREADS)))
        return time.perf_counter() - began


@contextlib.contextmanager
def worker(env: dict[str, str]) -> Iterator[Process]:
    child = Process([sys.executable, "manage.py", "worker"], env=env)
    with running(child):
        child.wait_for_line("Working on")
        yield child


def create(env: dict[str, str], debates: int) -> float:
    """Create so many from all processes at once; how many a second."""
    each = debates // PROCESSES
    command = [sys.executable, "-m", "loadtests.workers", "--enqueue", str(each)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, cwd=ROOT, env=env, **pipes) for _ in range(PROCESSES)]
    for child in children:
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("a process could not create debates")
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    seconds = max(float(child.communicate()[0]) for child in children)
    return PROCESSES * (each - THREADS) / seconds


def warm_up(url: str, env: dict[str, str], workers: int) -> None:
    """Each worker loads the libraries of the models with its first debate."""
    over = count(url, OVER)
    create(env, WARM_UP * workers)
    wait_for(url, OVER, over + WARM_UP * workers)


@dataclass(slots=True)
class Figures:
    """Of one run of all debates."""

    rate: float
    """Debates created a second."""
    makespan: float
    cpu: float
    """Of the workers, seconds a debate."""


def run_all(url: str, env: dict[str, str], debates: int, *, workers: int) -> Figures:
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(worker(env)) for _ in range(workers)]
        warm_up(url, env, workers)
        for child in children:
            child.signal(signal.SIGSTOP)
        over = count(url, OVER)
        rate = create(env, debates)
        before = sum(cpu_seconds(child.child.pid) for child in children)
        began = time.monotonic()
        for child in children:
            child.signal(signal.SIGCONT)
        makespan = wait_for(url, OVER, over + debates) - began
        used = sum(cpu_seconds(child.child.pid) for child in children) - before
    return Figures(rate, makespan, used / debates)


def takeover(url: str, env: dict[str, str], number: signal.Signals) -> float:
    """Seconds from the signal until the other worker has begun anew what the one held."""
    with worker(env) as one, worker(env) as other:
        warm_up(url, env, 2)
        create(env, WARM_UP)
        held = f"SELECT COUNT(*) FROM debates_debate WHERE lease_holder LIKE '%:{one.child.pid}:%'"  # noqa: S608
        wait_for(url, held, 1)
        one.signal(number)
        began = time.monotonic()
        mine = f"SELECT COUNT(*) FROM debates_debate WHERE lease_holder LIKE '%:{other.child.pid}:%' OR status = 'completed'"  # noqa: S608, E501
        everything = count(url, "SELECT COUNT(*) FROM debates_debate")
        seconds = wait_for(url, mine, everything) - began
        wait_for(url, OVER, everything)
    return seconds


@contextlib.contextmanager
def site(*, concurrency: int, latency: float, queued: int) -> Iterator[tuple[str, dict[str, str]]]:
    """An empty database, models and agents: the URL, and the environment of its processes."""
    model_port = free_port()
    with postgres() as url, tempfile.TemporaryDirectory(prefix="aragora-load-") as directory:
        env = scratch_environment(
            Path(directory),
            DATABASE_URL=url,
            ARAGORA_DIRECT_DATABASE_URL=url,
            ARAGORA_MAX_CONCURRENT_DEBATES=str(concurrency),
            ARAGORA_MAX_QUEUED_DEBATES=str(queued),
            OPENAI_BASE_URL=f"http://127.0.0.1:{model_port}/v1",
            OPENAI_API_KEY="sk-none",
            ARAGORA_OPENAI_MODELS=",".join(MODELS),
        )
        models = ("--port", str(model_port), "--delay", str(latency))
        names = ("--models", ",".join(MODELS), "--tokens-per-second", "0")
        module = ("manage.py", "mock_llm")
        with process(*module, *models, *names, env=env, port=model_port):
            for command in ("migrate", "setup_agents"):
                subprocess.run(
                    [sys.executable, "manage.py", command, "--verbosity", "0"],
                    cwd=ROOT,
                    env=env,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            yield url, env


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debates", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=50, help="debates at once, a worker")
    parser.add_argument("--latency", type=float, default=0.1, help="of the models, seconds")
    parser.add_argument("--runs", type=int, default=3, help="of the crowd")
    parser.add_argument("--enqueue", type=int, metavar="N", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.enqueue:
        return _enqueue(options.enqueue)
    crowd = {"concurrency": options.concurrency, "latency": options.latency}
    with site(**crowd, queued=10 * options.debates) as (url, env):
        runs = [run_all(url, env, options.debates, workers=1) for _ in range(options.runs)]
        turns = count(url, TURNS_SO_FAR) / count(url, OVER)
        killed = takeover(url, env, signal.SIGKILL)
        frozen = takeover(url, env, signal.SIGSTOP)
    patient = {"concurrency": PATIENT_CONCURRENCY, "latency": PATIENT_LATENCY}
    with site(**patient, queued=10 * PATIENT_DEBATES) as (url, env):
        alone, both = (run_all(url, env, PATIENT_DEBATES, workers=number) for number in (1, 2))
    waves = options.debates / options.concurrency
    ideal, phases = (waves * steps * options.latency for steps in (TURNS, PHASES))
    print(
        f"{options.debates} debates of {turns:.1f} turns, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[1]:.1f}: {median(run.makespan for run in runs):.1f} s by one worker, "
        f"{ideal:.1f} s ideal, {phases:.1f} s of phases alone; patient models: "
        f"{alone.makespan:.1f} s by one worker, {both.makespan:.1f} s by two"
    )
    cpu = [run.cpu * 1000 for run in runs]
    over_ideal, over_phases = ([run.makespan / one for run in runs] for one in (ideal, phases))
    return report(
        [
            Figure(
                "debates enqueued", [run.rate for run in runs], "/s", at_least=ENQUEUED_A_SECOND
            ),
            Figure("makespan over the ideal", over_ideal, "", at_most=TIMES_IDEAL),
            Figure("makespan over that of the phases alone", over_phases, ""),
            Figure("CPU a debate, worker", cpu, "ms"),
            Figure("CPU a call, worker", [one / TURNS for one in cpu], "ms"),
            Figure("two workers over one", [alone.makespan / both.makespan], "", at_least=SPEED_UP),
            Figure("kill -9 to takeover", [killed], "s", at_most=TAKEOVER_SECONDS),
            Figure("SIGSTOP to takeover", [frozen], "s", at_most=TAKEOVER_SECONDS),
        ]
    )


def _enqueue(debates: int) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aragora_site.settings")
    django.setup()
    print(enqueue(debates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
