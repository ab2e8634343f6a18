"""Who is counted for a request.

This is the seam between identity and limits: a request that came by an API key carries it as
`request.api_key` (an object with `kind`, `user_id` and `workspace`), one with a session has
`request.user`, any other is its address.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest

from ratelimit.backends.base import Ask
from ratelimit.identity import client_address, counted_address
from ratelimit.models import Workspace
from ratelimit.policy import Call, Caller, Policy, call_of, policy_of
from ratelimit.tiers import Tier

log = structlog.get_logger(__name__)

TIER_SECONDS = 10.0
"""How long another process may go on with a tier that was changed."""
MAX_TIERS = 10_000
INTERNAL_KIND = "internal"


def asks_of(request: HttpRequest) -> list[Ask]:
    """What the request takes, and from where; nothing when it is not counted."""
    call = call_of(request.method or "", request.path_info)
    if call is Call.FREE:
        return []
    peer = request.META.get("REMOTE_ADDR", "")
    forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if is_exempt(peer=peer, forwarded_for=forwarded_for):
        return []
    address = _address(peer, forwarded_for)
    caller = Caller("", Tier.ANONYMOUS) if call is Call.PAGE else caller_of(request, address)
    return current_policy().asks(call, caller, address)


def asks_of_connection(*, peer: str, forwarded_for: str) -> list[Ask]:
    """The same for a socket, which is opened before anybody knows by whom."""
    if is_exempt(peer=peer, forwarded_for=forwarded_for):
        return []
    address = _address(peer, forwarded_for)
    return current_policy().asks(Call.PAGE, Caller("", Tier.ANONYMOUS), address)


def is_exempt(*, peer: str, forwarded_for: str) -> bool:
    """Whether it is somebody at this machine, on an installation that is theirs alone.

    What a proxy passed on is counted, also when the proxy is here and nobody said so: otherwise
    one forgotten variable would lift the limits for the whole internet."""
    trusted = settings.ARAGORA.trusted_proxies
    if settings.ARAGORA.limit_loopback or (forwarded_for and not trusted):
        return False
    return not counted_address(peer=peer, forwarded_for=forwarded_for, trusted=trusted)


def caller_of(request: HttpRequest, address: str) -> Caller:
    """Whose calls this request is counted among. Costs a query once in a while, and never raises:
    while the database is away, everybody is a stranger."""
    key = getattr(request, "api_key", None)
    try:
        if key is not None:
            return _caller_by_key(key)
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            return _account(request.user.pk)
    except Error as error:
        log.warning("ratelimit_caller_unknown", error=type(error).__name__)
    return Caller(f"anonymous:{address}", Tier.ANONYMOUS)


def current_policy() -> Policy:
    environment = settings.ARAGORA
    return policy_of(
        rate_limit=environment.rate_limit,
        ip_rate_limit=environment.ip_rate_limit,
        burst_multiplier=environment.burst_multiplier,
    )


def _address(peer: str, forwarded_for: str) -> str:
    trusted = settings.ARAGORA.trusted_proxies
    return client_address(peer=peer, forwarded_for=forwarded_for, trusted=trusted)


def _caller_by_key(key: Any) -> Caller:
    """The keys of a workspace share its limit, and those of a personal one that of its owner."""
    if key.kind == INTERNAL_KIND:
        return Caller(f"user:{key.user_id}", Tier.INTERNAL)
    workspace: Workspace | None = key.workspace
    if workspace is None:
        return _account(key.user_id)
    if workspace.personal_to_id is not None:
        return Caller(f"user:{workspace.personal_to_id}", Tier(workspace.tier))
    tier = Tier(workspace.tier)
    # A higher tier is an operator's to give; without one, it must not pay to make workspaces.
    member = f"member:{key.user_id}" if tier is Tier.AUTHENTICATED else ""
    return Caller(f"workspace:{workspace.pk}", tier, member)


def _account(user_id: int) -> Caller:
    return Caller(f"user:{user_id}", tiers.of(user_id))


class Tiers:
    """The tiers of accounts, remembered for a short while. Callable from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[int, tuple[Tier, float]] = {}
        self._lock = threading.Lock()

    def of(self, user_id: int) -> Tier:
        """The tier of somebody's own workspace. Raises what the database raises."""
        known = self._known.get(user_id)
        now = self._clock()
        if known is not None and now < known[1]:
            return known[0]
        found = Workspace.objects.filter(personal_to=user_id).values_list("tier", flat=True)
        tier = Tier(found.first() or Tier.AUTHENTICATED)
        with self._lock:
            if len(self._known) >= MAX_TIERS:
                self._known.clear()
            self._known[user_id] = (tier, now + TIER_SECONDS)
        return tier

    def forget(self) -> None:
        """A tier was changed: look again, in this process at once."""
        with self._lock:
            self._known.clear()


tiers = Tiers()
