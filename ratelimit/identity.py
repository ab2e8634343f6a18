"""Where a request comes from. Pure: no Django."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_LENGTH = 64
"""Of an address with its port, in characters."""


def client_address(*, peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """The client's address, as far as it can be believed.

    `peer` is who is connected, `forwarded_for` the X-Forwarded-For header, `trusted` the proxies
    (addresses or networks) whose word is taken. Read from the right, the first hop that is not a
    trusted proxy is the client; what stands left of it anybody could have written. An IPv6 client
    counts by its /64, which is what one subscriber gets (RFC 6177)."""
    client = _client(peer, forwarded_for, trusted)
    address = _parse(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address else client


def counted_address(*, peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """The address that a client is counted by; empty for this machine itself, which nobody
    counts."""
    address = _parse(_client(peer, forwarded_for, trusted))
    if address is None or address.is_loopback:  # A UNIX socket has no address.
        return ""
    return client_address(peer=peer, forwarded_for=forwarded_for, trusted=trusted)


def _client(peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """The hop that is the client."""
    if not trusted:
        return peer
    networks = _networks(tuple(trusted))
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    client = peer
    for hop in [peer, *reversed(hops)]:
        address = _parse(hop)
        if address is None:
            break
        client = hop
        if not any(address in network for network in networks):
            break
    return client


def is_trusted(peer: str, trusted: Sequence[str]) -> bool:
    """Whether who is connected is one of the `trusted` proxies (addresses or networks)."""
    address = _parse(peer) if trusted else None
    return address is not None and any(address in one for one in _networks(tuple(trusted)))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in trusted)


def _parse(text: str) -> Address | None:
    return _parsed(text) if len(text) <= MAX_LENGTH else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    """The address in a hop, which some proxies write with its port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
