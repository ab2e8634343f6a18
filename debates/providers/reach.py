"""Where model requests may go: not into the network around this machine unless an operator says so.

Whoever may edit an agent says which address its requests go to. Without a bound, that would be a
way to read what only this server can reach: the metadata of a cloud machine, the console of a
router.
The bound is checked on the address that is connected to, not on the name, and that very address is
connected to: a name that says another thing when it is asked again gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from functools import partial
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from django.conf import settings

from debates.providers.http import AiohttpTransport

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

RESOLVE_SECONDS = 10.0
METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200"))
)
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 within IPv6 (RFC 6052)."""
_INNER = tuple(map(ipaddress.ip_network, ("::/96", "64:ff9b:1::/48", "fec0::/10")))
"""Inner networks that `ipaddress` counts among the internet: IPv4 as it was once written within
IPv6, a site's own translation to IPv4 (RFC 8215), and a site's own addresses of old."""


class AddressRefused(httpx2.ConnectError):
    """A server's address is one that no request is to go to."""


def is_allowed(address: Address, networks: Sequence[str]) -> bool:
    """Whether model requests may go there: to the internet, to this machine itself, and into the
    `networks` that an operator named; never to link-local and metadata addresses."""
    address = _plain(address)
    if address in METADATA or address.is_link_local or address.is_multicast:
        return False
    if address.is_unspecified:
        return False
    if address.is_loopback:
        return True
    if address.is_global and not any(address in network for network in _INNER):
        return True
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


def _plain(address: Address) -> Address:
    """The IPv4 address that stands within an IPv6 one, if one does; no zone."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    address = ipaddress.IPv6Address(int(address))
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def proxy_of(url: str) -> str:
    """The proxy that the environment names for it; where it may go is the proxy's to say then.
    Empty where there is none, or `NO_PROXY` excepts it: then it is looked at here."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or _is_excepted(parts, proxies.get("no", "")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_excepted(parts: SplitResult, no_proxy: str) -> bool:
    """As Python's own look-up has it, and by entries with a scheme, too, as HTTPX has them."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    entries = [entry.strip() for entry in no_proxy.lower().split(",")]
    return (
        "*" in entries
        or any(_names(entry, parts.hostname or "", parts.scheme, port) for entry in entries)
        or bool(proxy_bypass(f"{parts.hostname}:{port}"))
    )


def _names(entry: str, host: str, scheme: str, port: int) -> bool:
    """Whether an entry such as `http://*.example:8080` means the server."""
    try:
        named = urlsplit(entry)
        wanted, at = (named.hostname or "").lstrip("*."), named.port
    except ValueError:
        return False
    is_host = bool(wanted) and (host == wanted or host.endswith(f".{wanted}"))
    return is_host and named.scheme in (scheme, "all") and at in (None, port)


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Looks the one host up that it is for, and connects to an address of it that is allowed.

    For one host: whoever leads on to another is not followed."""

    def __init__(self, host: str, *, max_connections: int, trust_env: bool) -> None:
        self._host = host
        self._is_allowed = not _is_address(host)
        """Names are looked up, and looked at, for each connection; an address stays the same."""
        self._inner = AiohttpTransport(
            addresses,
            max_connections=max_connections,
            ssl_context=partial(httpx2.create_ssl_context, trust_env=trust_env),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        if host != self._host:
            raise AddressRefused(f"{self._host} leads on to {host[:100]}.", request=request)
        if not self._is_allowed:
            await addresses(host, 0)
            self._is_allowed = True
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def addresses(host: str, port: int) -> list[str]:
    """Those of the host that requests may go to. Raises `AddressRefused` where there are only
    others, and `httpx2.TransportError` when it cannot be found."""
    found = await _look_up(host, port)
    allowed = [one for one in found if is_allowed(one, settings.ARAGORA.model_networks)]
    if found and not allowed:
        raise AddressRefused(
            f"{host} is at {found[0]}, which is not on the internet. If a model server is meant to "
            "be there, name its network in ARAGORA_MODEL_NETWORKS."
        )
    return list(map(str, allowed))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


async def _look_up(host: str, port: int) -> list[Address]:
    if _is_address(host):
        return [ipaddress.ip_address(host.strip("[]"))]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpx2.ConnectError(f"{host} is not known.") from None
    except TimeoutError:
        raise httpx2.ConnectTimeout(f"{host} was not found in time.") from None
    return list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).split("%")[0]) for row in rows))
