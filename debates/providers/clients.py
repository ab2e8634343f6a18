"""The HTTP clients that model requests go through, shared by all calls of an event loop, so that
connections are used again.

Whoever ends an event loop that has asked agents awaits `close_clients()` first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from django.conf import settings

from debates.providers.addresses import is_loopback

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 10.0
SEND_SECONDS = 30.0
MAX_CONNECTIONS = 1000

Thing = TypeVar("Thing")

_KEPT: MutableMapping[asyncio.AbstractEventLoop, dict[Hashable, Any]] = WeakKeyDictionary()


def keep(key: Hashable, make: Callable[[], Thing]) -> Thing:
    """The running loop's thing of that key, made when first asked for: clients, and what is built
    on them, which cannot be used in another loop."""
    kept = _KEPT.setdefault(asyncio.get_running_loop(), {})
    if key not in kept:
        kept[key] = make()
    thing: Thing = kept[key]
    return thing


def timeouts() -> httpx2.Timeout:
    """For one request. The deadline of a turn lies around all of its requests (`gateway`); a
    silence as long as that is the most to wait between two bytes."""
    import httpx2

    return httpx2.Timeout(
        settings.ARAGORA.turn_timeout_seconds,
        connect=CONNECT_SECONDS,
        write=SEND_SECONDS,
        pool=CONNECT_SECONDS,
    )


def http_client(address: str) -> httpx2.AsyncClient:
    """The running loop's client for the host of an address, which goes nowhere else (`reach`).

    Proxies come from the environment, as elsewhere on the machine, but for the machine's own
    servers, which no proxy can reach."""
    from debates.providers.reach import BoundedTransport, proxy_of

    own = is_loopback(address)
    host = urlsplit(address).hostname or ""
    proxy = "" if own else proxy_of(address)

    def make() -> httpx2.AsyncClient:
        import httpx2

        if proxy:
            # Named to it, so that it makes no exceptions of its own, which nobody would look at.
            limits = httpx2.Limits(max_connections=MAX_CONNECTIONS)
            return httpx2.AsyncClient(timeout=timeouts(), limits=limits, proxy=proxy)
        transport = BoundedTransport(host, max_connections=MAX_CONNECTIONS, trust_env=not own)
        return httpx2.AsyncClient(timeout=timeouts(), transport=transport, trust_env=not own)

    return keep(("http", host, urlsplit(address).scheme, proxy), make)


async def close_clients() -> None:
    """Close the running loop's clients; the next call makes new ones."""
    kept = _KEPT.pop(asyncio.get_running_loop(), {})
    for key, thing in kept.items():
        if isinstance(key, tuple) and key[0] == "http":
            await thing.aclose()
