"""What load tests share: a server process on a scratch database, and a report with limits."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0

REQUESTS_BEFORE = 50
FOREIGN = (
    *("ARAGORA_", "OPENAI_", "ANTHROPIC_", "DATABASE_URL", "DJANGO_"),
    # A process that compiles all it imports starts late, and keeps more memory.
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure beside its limit."""

    name: str
    values: list[float]
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def holds(self) -> bool:
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        limit = "no limit"
        if self.at_least is not None:
            limit = f"at least {self.at_least:g}"
        elif self.at_most is not None:
            limit = f"at most {self.at_most:g}"
        runs = ", ".join(f"{value:.4g}" for value in self.values)
        verdict = "ok" if self.holds else "MISSED"
        return (
            f"{self.name:<58} {self.value:>10.4g} {self.unit:<12} {limit:<16} {verdict}  ({runs})"
        )


def report(figures: list[Figure]) -> int:
    """Print the figures; the exit status."""
    for figure in figures:
        print(figure)
    return 0 if all(figure.holds for figure in figures) else 1


def scratch_environment(directory: Path, **variables: str) -> dict[str, str]:
    """An environment that knows nothing of this machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {
        "ARAGORA_ENV_FILE": os.devnull,
        "ARAGORA_DATA_DIR": str(directory),
        "ARAGORA_DISCOVER_LOCAL_MODELS": "false",
        "ARAGORA_LOG_LEVEL": "warning",
        # Counted like everybody, and not held: a load test is a crowd at one address.
        "ARAGORA_RATE_LIMIT": "10000000",
        "ARAGORA_IP_RATE_LIMIT": "10000000",
        **variables,
    }


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """A data directory with a migrated database, removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="aragora-load-"))
    try:
        env = scratch_environment(directory)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=env,
            check=True,
        )
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def process(*arguments: str, env: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that listens on `port`, ended afterwards."""
    child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{arguments} did not start")
            time.sleep(0.05)
        yield child
    finally:
        child.terminate()
        child.wait()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def milliseconds_of_requests(
    env: dict[str, str], paths: Mapping[str, str], requests: int
) -> dict[str, float]:
    """CPU time that a server in this environment takes for a request, by the names of the paths.
    Each path is asked for a few times before."""
    import httpx

    port = free_port()
    with process("manage.py", "serve", "--port", str(port), env=env, port=port) as server:
        spent = {}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for name, path in paths.items():
                for _ in range(REQUESTS_BEFORE):
                    client.get(path).raise_for_status()
                before = cpu_seconds(server.pid)
                for _ in range(requests):
                    client.get(path)
                spent[name] = (cpu_seconds(server.pid) - before) / requests * 1000
        return spent
