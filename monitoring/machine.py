"""What the machine, or the container, has and uses. Linux; elsewhere nothing is known."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
UNLIMITED_BYTES = 1 << 60


def memory_in_use() -> float:
    """The share of the memory that is in use, from 0 to 1, without what is only a cache of files;
    not a number where nobody knows.

    In a container with a limit that limit is what counts: above it the kernel ends a process."""
    try:
        return _of_container() or _of_machine()
    except (OSError, ValueError, KeyError):
        return float("nan")


def _of_container() -> float | None:
    """None where there is no limit."""
    for limit, usage, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        file = CGROUP / limit
        if not file.is_file():
            continue
        word = file.read_text().strip()
        if word == "max" or int(word) >= UNLIMITED_BYTES:
            return None
        figures = _words(file.with_name("memory.stat"))
        used = int((CGROUP / usage).read_text()) - figures.get(cache, 0)
        return max(0, used) / int(word)
    return None


def _of_machine() -> float:
    figures = _words(PROC)
    return 1 - figures["MemAvailable:"] / figures["MemTotal:"]


def _words(file: Path) -> dict[str, int]:
    """The lines of a file of names and figures."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}
