"""A way to PostgreSQL that is cut where a test wants it: when events are to be committed."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from enum import Enum, auto
from urllib.parse import urlsplit

CHUNK = 65536


class Cut(Enum):
    """What becomes of a COMMIT."""

    NONE = auto()
    UNANSWERED = auto()
    """It is carried out, and the connection gone before the answer."""
    REFUSED = auto()
    """It does not arrive. The errors of a server and of the pooler before it come at once."""


class Way:
    """Passes on what a client and the server say to each other."""

    def __init__(self, server_url: str) -> None:
        self._url = urlsplit(server_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cuts: Iterator[Cut] = iter(())
        self._away_seconds = 0.0
        self._away_until = 0.0
        self._lock = threading.Lock()
        self.made: list[Cut] = []
        """The cuts so far."""

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        host = self._url.netloc.rpartition(":")[0]
        return self._url._replace(netloc=f"{host}:{port}").geturl()

    def cut(self, cuts: Iterator[Cut], *, away_seconds: float = 0.0) -> None:
        """From now on, deal so with one COMMIT of events after the other, on all connections. After
        each that is cut, nobody gets through for so long."""
        with self._lock:
            self._cuts, self._away_seconds = cuts, away_seconds

    def serve(self) -> None:
        """Until closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_away():
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._url.port or 5432))
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def close(self) -> None:
        # To close it would leave the thread that accepts waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        has_events = False
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                if self._is_away():
                    client.shutdown(socket.SHUT_RDWR)
                    break
                has_events |= b"INSERT" in data and b"debates_debateevent" in data
                cut = Cut.NONE
                if has_events and b"COMMIT" in data:
                    has_events, cut = False, self._next_cut()
                if cut is Cut.UNANSWERED:
                    client.shutdown(socket.SHUT_RD)
                    client.shutdown(socket.SHUT_WR)  # What is answered goes nowhere.
                if cut is Cut.REFUSED:
                    client.sendall(
                        _error("57P01", "terminating connection") + _error("08P01", "no server")
                    )
                    break
                server.sendall(data)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError), client, server:
            while data := server.recv(CHUNK):
                client.sendall(data)

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def _next_cut(self) -> Cut:
        with self._lock:
            cut = next(self._cuts, Cut.NONE)
            self.made.append(cut)
            if cut is not Cut.NONE:
                self._away_until = time.monotonic() + self._away_seconds
        return cut


def _error(code: str, message: str) -> bytes:
    """As in PostgreSQL's protocol: the fields of a FATAL ErrorResponse."""
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": message}
    body = b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


@contextlib.contextmanager
def way_to(server_url: str) -> Iterator[Way]:
    """A way to the PostgreSQL server; its URL is the one to use."""
    way = Way(server_url)
    thread = threading.Thread(target=way.serve, daemon=True)
    thread.start()
    try:
        yield way
    finally:
        way.close()
        thread.join()
