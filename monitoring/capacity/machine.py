"""What this machine is like: measured, or asked of the kernel. No Django.

What a kernel does not tell (macOS, a sandbox) is None.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

CALIBRATIONS = 7
FSYNCS = 50
PATIENCE_SECONDS = 2.0
"""No measurement goes on for longer."""
PAGE_BYTES = 4096
UNLIMITED = 1 << 60
MOST_DESCRIPTORS = 1 << 20
"""cgroups write a number near 2**63 where there is no limit."""


def calibrate() -> float:
    """Seconds of CPU time for a fixed piece of work of the kind that a debate makes: texts taken
    apart, counted, hashed and written as JSON. The best of a few tries: the others say more of the
    neighbours."""
    return min(_timed_work() for _ in range(CALIBRATIONS))


def _timed_work() -> float:
    began = time.process_time()
    _work()
    return time.process_time() - began


def _work() -> str:
    text = "The plan costs little at first, and what it brings comes late. " * 8
    digest = ""
    for number in range(400):
        counts: dict[str, int] = {}
        for word in f"{number} {text}".lower().split():
            counts[word] = counts.get(word, 0) + 1
        body = json.dumps({"number": number, "counts": counts, "before": digest, "text": text})
        digest = hashlib.sha256(body.encode()).hexdigest()
        json.loads(body)
    return digest


def cores() -> float:
    """Processors that this process may use: its affinity, and the quota of its container."""
    count = float(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = _cpu_quota()
    return count if quota is None else min(count, quota)


def _cpu_quota() -> float | None:
    with suppress(OSError, ValueError):
        share, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if share == "max" else int(share) / int(period)
    with suppress(OSError, ValueError):
        folder = Path("/sys/fs/cgroup/cpu")
        share = (folder / "cpu.cfs_quota_us").read_text()
        period = (folder / "cpu.cfs_period_us").read_text()
        return int(share) / int(period) if int(share) > 0 else None
    return None


def memory_megabytes() -> float | None:
    """Memory that this process may use: the machine's, or its container's."""
    with suppress(ValueError, OSError, AttributeError):
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return min(machine, _memory_limit()) / 2**20
    return None


def _memory_limit() -> int:
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            return int(Path(file).read_text())
    return UNLIMITED


def take_descriptors() -> int | None:
    """Have this process open as many files and sockets as the system lets it, and say how many that
    are; None where there is no such limit. The usual 1024 is for programs of old, which cannot
    count further."""
    try:
        import resource
    except ImportError:  # Windows has none.
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a bound of its own below the hard one.
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def kernel_number(name: str) -> int | None:
    """A setting of Linux's, such as net.core.somaxconn."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys", *name.split(".")).read_text())
    return None


def fsync_seconds(folder: Path) -> float | None:
    """How long a page takes until it is safe on the disk of `folder`; None where nothing may be
    written."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:

            def write() -> None:
                file.write(b"\0" * PAGE_BYTES)
                file.flush()
                os.fsync(file.fileno())

            return typical_seconds(write, times=FSYNCS)
    except OSError:
        return None


def typical_seconds(do: Callable[[], object], *, times: int) -> float:
    """The median of so many times, or of as many as there is patience for."""
    taken: list[float] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(taken) < times and (not taken or time.monotonic() < deadline):
        began = time.perf_counter()
        do()
        taken.append(time.perf_counter() - began)
    return median(taken)
