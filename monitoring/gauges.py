"""Figures that other packages publish about themselves, read when somebody looks.

A leaf: packages register their figures here, so that this package need not know them.
"""

from collections.abc import Callable

ACTIVE_DEBATES = "active_debates"
"""Debates that are running now, over all instances."""
WEBSOCKET_CONNECTIONS = "websocket_connections"
"""Open sockets of this process."""

Read = Callable[[], int]

_readers: dict[str, Read] = {}


def register_gauge(name: str, read: Read) -> None:
    """Let `read` answer for `name`. It may use the database and may raise; the last one counts."""
    _readers[name] = read


def read_gauge(name: str) -> int:
    """The figure now; 0 where nobody in this process has such a thing."""
    read = _readers.get(name)
    return 0 if read is None else read()
