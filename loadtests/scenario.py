"""The scenario of loadtests/locustfile.py against an instance of its own, and the gate.

`manage.py serve` with rate limits on, on SQLite or on PostgreSQL and Redis with a worker, debates
on mock models in a process of their own, and Locust for a while. `python -m monitoring.slo` judges
what came of it.

    python -m loadtests.scenario [--users 100] [--seconds 300] [--pause S] [--database postgresql]

The exit code is that of the gate: 1 for a breach, 2 for results that are missing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from loadtests.fifty_debates import MODELS
from loadtests.one_instance import Instance, instance, megabytes
from loadtests.support import ROOT
from tests.support.processes import manage
from tests.support.sites import TERMINAL, wait_until

DEBATES_BEFORE = 3
"""So that there is something to read; they also load what the first debate loads."""
STOP_SECONDS = 2
"""Whoever is in the middle of something then is cut off, and counts as nothing."""


def make_key(it: Instance) -> str:
    """An account, and an internal key of its."""
    env = {**it.server.env, "DJANGO_SUPERUSER_PASSWORD": "a long password for a load test"}
    made = ("createsuperuser", "--noinput", "--username", "load", "--email", "load@example.com")
    manage(*made, env=env).check_returncode()
    done = manage("create_internal_key", "load", "--user", "load", env=it.server.env)
    done.check_returncode()
    return done.stdout.split()[-1]


def hold_debates_before(it: Instance, key: str) -> None:
    with httpx.Client(
        base_url=it.server.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as client:
        for number in range(DEBATES_BEFORE):
            body = {"task": f"May basin {number} be drained?", "agents": MODELS}
            answer = client.post("/api/v1/debates", json={**body, "visibility": "public"})
            path = f"/api/v1/debates/{answer.raise_for_status().json()['id']}"
            wait_until(lambda path=path: client.get(path).json()["status"] in TERMINAL)


def run_locust(
    url: str, key: str, *, users: int, seconds: int, pause: float, results: Path
) -> None:
    """Locust prints its own table; what counts is what it writes to `results`."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py")]
    command += ["--headless", "--only-summary", "--host", url, "--exit-code-on-error", "0"]
    command += ["--users", str(users), "--spawn-rate", str(max(1, users / 5))]
    command += ["--run-time", f"{seconds}s", "--stop-timeout", str(STOP_SECONDS)]
    env = {
        **os.environ,
        "LOAD_API_KEY": key,
        "LOAD_AGENTS": ",".join(MODELS),
        "LOAD_PAUSE": str(pause),
        "LOAD_RESULTS": str(results),
    }
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=seconds + 60)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--pause", type=float, default=1.0, help="between requests of a visitor")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--results", type=Path, help="keep what was measured in this file")
    options = parser.parse_args()
    limits = {
        "ARAGORA_LIMIT_LOOPBACK": "true",
        "ARAGORA_TRUSTED_PROXIES": "127.0.0.1",
        "ARAGORA_RATE_LIMIT": "60",
        "ARAGORA_IP_RATE_LIMIT": "120",
    }
    with tempfile.TemporaryDirectory(prefix="aragora-load-") as folder:
        results = options.results or Path(folder) / "results.json"
        results.unlink(missing_ok=True)
        with instance(options.database, 10, latency=0.3, **limits) as it:
            key = make_key(it)
            hold_debates_before(it, key)
            before = it.cpu
            run_locust(
                it.server.url,
                key,
                users=options.users,
                seconds=options.seconds,
                pause=options.pause,
                results=results,
            )
            print(
                f"The instance used {(it.cpu - before) / options.seconds:.2f} cores and holds "
                f"{megabytes(it.pids, 'Pss'):.0f} MB."
            )
        return subprocess.run(
            [sys.executable, "-m", "monitoring.slo", str(results)], cwd=ROOT, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
