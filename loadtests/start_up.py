"""Times `python3 dev.py run` from a fresh clone to the first page, and the second start.

    python3 loadtests/start_up.py

Limits: 30 s for the first start on a warm package cache, 3 s for the second. Exit status 1 on a
breach. Needs only the standard library and git; the clone goes to a temporary directory.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_LIMIT, SECOND_LIMIT = 30.0, 3.0


def start(checkout: Path, port: int) -> float:
    """Seconds from the command to the first page."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ARAGORA_", "DATABASE_URL"))}
    env |= {"ARAGORA_PORT": str(port), "ARAGORA_ENV_FILE": os.devnull}
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "dev.py", "run"],
            cwd=checkout,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while time.perf_counter() - started < 300:
                if process.poll() is not None:
                    output.seek(0)
                    sys.exit(f"dev.py ended with {process.returncode}:\n{output.read()}")
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                        assert page.status == 200
                        return time.perf_counter() - started
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.02)
            sys.exit("no page within 300 s")
        finally:
            process.terminate()
            process.wait()


def main() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="aragora-start-") as directory:
        checkout = Path(directory) / "aragora"
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        first = start(checkout, port)
        second = sorted(start(checkout, port) for _ in range(3))[1]
    print(f"first start   {first:6.1f} s   limit {FIRST_LIMIT:.0f} s")
    print(f"second start  {second:6.1f} s   limit {SECOND_LIMIT:.0f} s   (median of 3)")
    return int(first > FIRST_LIMIT or second > SECOND_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
