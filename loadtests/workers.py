"""Workers on PostgreSQL: how fast debates are queued and run, and how soon a dead one is replaced.

PostgreSQL, the models and the workers are processes of their own on this machine. Five agents that
disagree make a debate of twenty turns in four phases.

- Enqueue: debates a second that one process creates from eight threads, jobs and all.
- Makespan: from the start of the workers' taking until every debate is over, over the ideal: the
  phases follow each other, at the models' latency each, and every place is always taken.
- CPU a debate: what a worker uses for one, in its 20 calls.
- Two workers over one: how many times as fast the same debates are over.
- Takeover: from kill -9 of the worker to the first new turn by the other; and from SIGSTOP, where
  nothing but the lease tells that it is gone.

    python -m loadtests.workers [--debates N] [--concurrency N] [--latency SECONDS]

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
from pathlib import Path

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
THREADS = 8
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
    """Create so many; how many a second. Runs in a process that is set up for the database."""
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
        began = time.perf_counter()
        list(threads.map(create, range(debates - THREADS)))
        return (debates - THREADS) / (time.perf_counter() - began)


@contextlib.contextmanager
def worker(env: dict[str, str]) -> Iterator[Process]:
    child = Process([sys.executable, "manage.py", "worker"], env=env)
    with running(child):
        child.wait_for_line("Working on")
        yield child


def create_in_another_process(env: dict[str, str], debates: int) -> float:
    command = [sys.executable, "-m", "loadtests.workers", "--enqueue", str(debates)]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def warm_up(url: str, env: dict[str, str], workers: int) -> None:
    """Each worker loads the libraries of the models with its first debate."""
    over = count(url, OVER)
    create_in_another_process(env, 2 * THREADS * workers)
    wait_for(url, OVER, over + 2 * THREADS * workers)


def run_all(
    url: str, env: dict[str, str], options: argparse.Namespace, *, workers: int
) -> tuple[float, float, float]:
    """Debates enqueued a second; the makespan; CPU seconds of the workers a debate."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(worker(env)) for _ in range(workers)]
        warm_up(url, env, workers)
        for child in children:
            child.signal(signal.SIGSTOP)
        over = count(url, OVER)
        rate = create_in_another_process(env, options.debates)
        before = sum(cpu_seconds(child.child.pid) for child in children)
        began = time.monotonic()
        for child in children:
            child.signal(signal.SIGCONT)
        makespan = wait_for(url, OVER, over + options.debates) - began
        used = sum(cpu_seconds(child.child.pid) for child in children) - before
    return rate, makespan, used / options.debates


def takeover(url: str, env: dict[str, str], number: signal.Signals) -> float:
    """Seconds from the signal until the other worker has begun anew what the one held."""
    with worker(env) as one, worker(env) as other:
        warm_up(url, env, 2)
        create_in_another_process(env, 2 * THREADS)
        held = f"SELECT COUNT(*) FROM debates_debate WHERE lease_holder LIKE '%:{one.child.pid}:%'"  # noqa: S608
        wait_for(url, held, 1)
        one.signal(number)
        began = time.monotonic()
        mine = f"SELECT COUNT(*) FROM debates_debate WHERE lease_holder LIKE '%:{other.child.pid}:%' OR status = 'completed'"  # noqa: S608, E501
        everything = count(url, "SELECT COUNT(*) FROM debates_debate")
        seconds = wait_for(url, mine, everything) - began
        wait_for(url, OVER, everything)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debates", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=50, help="debates at once, a worker")
    parser.add_argument("--latency", type=float, default=0.1, help="of the models, seconds")
    parser.add_argument("--enqueue", type=int, metavar="N", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.enqueue:
        return _enqueue(options.enqueue)
    with postgres() as url, tempfile.TemporaryDirectory(prefix="aragora-load-") as directory:
        model_port = free_port()
        env = scratch_environment(
            Path(directory),
            DATABASE_URL=url,
            ARAGORA_DIRECT_DATABASE_URL=url,
            ARAGORA_MAX_CONCURRENT_DEBATES=str(options.concurrency),
            ARAGORA_MAX_QUEUED_DEBATES=str(10 * options.debates),
            OPENAI_BASE_URL=f"http://127.0.0.1:{model_port}/v1",
            OPENAI_API_KEY="sk-none",
            ARAGORA_OPENAI_MODELS=",".join(MODELS),
        )
        models = ("--port", str(model_port), "--delay", str(options.latency))
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
            rate, alone, cpu = run_all(url, env, options, workers=1)
            _, both, _ = run_all(url, env, options, workers=2)
            killed = takeover(url, env, signal.SIGKILL)
            frozen = takeover(url, env, signal.SIGSTOP)
            turns, over = count(url, TURNS_SO_FAR), count(url, OVER)
    ideal = options.debates / options.concurrency * PHASES * options.latency
    print(
        f"{options.debates} debates of {turns / over:.1f} turns, {os.cpu_count()} cores: "
        f"{alone:.1f} s by one worker, {both:.1f} s by two, {ideal:.1f} s ideal"
    )
    return report(
        [
            Figure("debates enqueued", [rate], "/s", at_least=ENQUEUED_A_SECOND),
            Figure("makespan over the ideal, one worker", [alone / ideal], "", at_most=TIMES_IDEAL),
            Figure("CPU a debate, worker", [cpu * 1000], "ms"),
            Figure("CPU a call, worker", [cpu * 1000 / TURNS], "ms"),
            Figure("two workers over one", [alone / both], "", at_least=SPEED_UP),
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
