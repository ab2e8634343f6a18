"""Who holds a lease, and whether that process can still be alive.

A holder is written `host/namespace:pid:start.number`. The namespace is that of process ids: two
containers may share a host name, and then the ids of one mean nothing in the other. The start time
tells a process from a later one that was given the same id; the number tells apart what runs
debates within one process.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

_UNKNOWN = ""
_ZOMBIE = "Z"


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that runs debates."""

    host: str
    pid: int
    start: str
    """Clock ticks from boot to the start of the process where the system tells, else random."""
    number: int

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.start}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> Holder | None:
        """The reverse of `str`; None for what is not a holder."""
        match text.rsplit(":", 2):
            case [host, pid, incarnation] if host and pid.isdecimal():
                start, _, number = incarnation.partition(".")
                return cls(host, int(pid), start, int(number)) if number.isdecimal() else None
        return None


_numbers = count(1)


def new_holder() -> str:
    """A name for something in this process that runs debates."""
    return str(Holder(_host(), os.getpid(), _own_start(), next(_numbers)))


def is_certainly_dead(holder: str) -> bool:
    """Whether the holder's process is known to be gone. False whenever that cannot be known from
    here, as for another host: then its lease has to expire."""
    known = Holder.parse(holder)
    if known is None or known.host != _host():
        return False
    if known.pid == os.getpid():
        return known.start != _own_start()
    try:
        os.kill(known.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    state, start = _stat_of(known.pid)
    if state == _ZOMBIE:  # Killed, and not missed yet by whoever started it.
        return True
    return start != _UNKNOWN and known.start.isdecimal() and start != known.start


@cache
def _own_start() -> str:
    return _stat_of(os.getpid())[1] or f"x{secrets.token_hex(4)}"


@cache
def _host() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        namespace = "-"
    return f"{socket.gethostname()[:64]}/{namespace}"


def _stat_of(pid: int) -> tuple[str, str]:
    """The state of a process and when it started, fields 3 and 22 of /proc/PID/stat; empty where
    there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _UNKNOWN, _UNKNOWN
    # The second field, the program's name, may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]
