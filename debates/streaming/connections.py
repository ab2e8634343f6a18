"""How many readers this process has, and whom it does not let in."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils.http import is_same_domain

from debates import metrics
from monitoring.gauges import WEBSOCKET_CONNECTIONS, register_gauge

RETRY_AFTER_SECONDS = 5
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]", ".localhost")


class Refusal(Enum):
    """Why somebody is not let in: the close code, and a sentence for people."""

    FULL = (1013, "This instance has no room for another reader; try again.")
    DRAINING = (1012, "This instance is going away; connect again.")
    UNAVAILABLE = (1013, "The database does not answer; try again.")
    FOREIGN_ORIGIN = (4003, "Pages of this origin may not connect here.")
    TOO_MANY = (4029, "There are too many connections from your address.")
    TOO_OFTEN = (4029, "Your address connects too often; wait a moment.")

    @property
    def close_code(self) -> int:
        return self.value[0]

    @property
    def message(self) -> str:
        return self.value[1]


class Connections:
    """Counts the open sockets and event streams of this process, also by client address."""

    def __init__(self) -> None:
        self.sockets = 0
        self.streams = 0
        self._by_address: Counter[str] = Counter()

    def refusal(self, address: str) -> Refusal | None:
        """Why there is no room for another one from this address; None when there is.

        This machine itself, whose address is empty, may fill the room."""
        if self.sockets + self.streams >= settings.ARAGORA.max_websocket_connections:
            return Refusal.FULL
        limit = settings.ARAGORA.websocket_connections_per_address
        if limit and address and self._by_address[address] >= limit:
            return Refusal.TOO_MANY
        return None

    @contextlib.contextmanager
    def socket(self, address: str) -> Iterator[None]:
        """Count a socket while it is open."""
        self.sockets += 1
        with self._at(address):
            try:
                yield
            finally:
                self.sockets -= 1

    @contextlib.contextmanager
    def stream(self, address: str) -> Iterator[None]:
        """Count an event stream while it is open."""
        self.streams += 1
        with self._at(address):
            try:
                yield
            finally:
                self.streams -= 1

    @contextlib.contextmanager
    def _at(self, address: str) -> Iterator[None]:
        self._by_address[address] += 1
        try:
            yield
        finally:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


connections = Connections()
register_gauge(WEBSOCKET_CONNECTIONS, lambda: connections.sockets)
metrics.SOCKETS.set_function(lambda: connections.sockets)
metrics.STREAMS.set_function(lambda: connections.streams)
for _refusal in Refusal:
    metrics.REFUSED.labels(_refusal.name.lower())
metrics.ROOM.set_function(lambda: settings.ARAGORA.max_websocket_connections)


def is_own_origin(
    *, origin: str | None, host: str, allowed_hosts: Sequence[str], trusted_origins: Sequence[str]
) -> bool:
    """Whether a browser page of `origin` may open a socket at `host` (the Host header).

    A socket carries the session's cookie and knows no CSRF token, so only this site's own pages
    may open one, and those that the operator trusts. Programs send no Origin. The Host has to be
    one of this site's names, or else a page whose name was rebound to this address would pass."""
    if origin is None:
        return True
    parsed = urlsplit(origin)
    if parsed.scheme not in ("http", "https") or not parsed.netloc:
        return False
    if any(_trusts(trusted, origin) for trusted in trusted_origins):
        return True
    name, _, _ = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    return parsed.netloc.lower() == host.lower() and validate_host(name.lower(), allowed_hosts)


def _trusts(trusted: str, origin: str) -> bool:
    """Django's CSRF_TRUSTED_ORIGINS: `https://example.org` or `https://*.example.org`."""
    if trusted.lower() == origin.lower():
        return True
    scheme, _, host = trusted.partition("://")
    parsed = urlsplit(origin)
    return (
        host.startswith("*.")
        and parsed.scheme == scheme
        and is_same_domain(parsed.netloc.lower(), host[1:].lower())
    )
