"""Which calls are counted, and what each tier may ask. Pure: no Django.

A limit is a pace: `limit` a minute on the long run and `limit × burst multiplier` at once. So in
any span of w minutes at most `limit × (burst multiplier + w)` calls pass (`ratelimit.gcra` has the
proof).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from ratelimit.backends.base import Ask
from ratelimit.gcra import Pace
from ratelimit.tiers import Tier

WINDOW_SECONDS = 60
ANONYMOUS_SHARE, PREMIUM_SHARE = 0.5, 5
"""Of the limit of those who are signed in: 30 and 300 beside 60."""
DEBATES_SHARE = 0.1
"""How many of a tier's calls may start a debate."""

DEBATES = "debates"
"""The policy of calls that start a debate."""

PROBES = frozenset({"/livez", "/readyz", "/healthz", "/api/health", "/api/v1/health", "/metrics"})
"""What orchestrators ask; an instance that is busy is not a broken one."""
FREE = PROBES | {"/favicon.ico"}

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAKES_A_DEBATE = re.compile(
    r"/api(?:/v1)?/(?:debates?|debate-this|duels"
    r"|(?:debates/)?batch|debates/[^/]+/(?:clone|fork|followup))/?"
    r"|/|/examples/[^/]+/|/debates/[^/]+/(?:clone|fork|followup)/"
)


class Call(Enum):
    """What a request is, as far as limits go."""

    FREE = "free"
    """Not counted."""
    PAGE = "page"
    """Somebody looks at a page, or opens a socket: counted by their address."""
    REQUEST = "request"
    """A call of the API, or a form that is sent: counted by who it is, too."""
    DEBATE = "debate"
    """One that starts a debate, which may cost money: counted once more, by itself."""


def call_of(method: str, path: str) -> Call:
    if path in FREE:
        return Call.FREE
    if method in _SAFE_METHODS:
        return Call.REQUEST if path.startswith("/api/") else Call.PAGE
    if method == "POST" and _MAKES_A_DEBATE.fullmatch(path):
        return Call.DEBATE
    return Call.REQUEST


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose calls are counted together."""

    name: str
    """Of what is counted: `user:7`, `workspace:…`, `anonymous:203.0.113.7`."""
    tier: Tier
    member: str = ""
    """Who calls for a workspace that anybody may make: in all of these together they have as much
    as in one."""

    def asks(self, policy: str, pace: Pace, *, prefix: str = "") -> list[Ask]:
        """What a call takes: from the caller, and from whoever of a workspace it is."""
        asks = [Ask(f"{prefix}{self.name}", pace, policy=policy)]
        if self.member:
            asks.append(Ask(f"{prefix}{self.member}", pace, policy=f"{policy}-member"))
        return asks


@dataclass(frozen=True, slots=True)
class Policy:
    """The paces of an installation. Who is in no table is not limited."""

    calls: Mapping[Tier, Pace]
    debates: Mapping[Tier, Pace]
    address: Pace

    def asks(self, call: Call, caller: Caller, address: str) -> list[Ask]:
        """What a call takes, and from where.

        An address bounds strangers and ordinary accounts. Who has a higher tier has it for coming
        often, and from few addresses."""
        asks: list[Ask] = []
        if call is Call.FREE:
            return asks
        if caller.tier in (Tier.ANONYMOUS, Tier.AUTHENTICATED):
            asks.append(Ask(f"address:{address}", self.address, policy="address"))
        if call is not Call.PAGE and caller.tier in self.calls:
            asks += caller.asks(caller.tier.value, self.calls[caller.tier])
        if call is Call.DEBATE and caller.tier in self.debates:
            asks += caller.asks(DEBATES, self.debates[caller.tier], prefix=f"{DEBATES}:")
        return asks


@lru_cache(maxsize=16)
def policy_of(*, rate_limit: int, ip_rate_limit: int, burst_multiplier: float) -> Policy:
    """The policy that the three variables make."""

    def pace(limit: float) -> Pace:
        count = max(1, int(limit))
        return Pace(count, WINDOW_SECONDS, max(1, int(count * burst_multiplier)))

    limits = {
        Tier.ANONYMOUS: rate_limit * ANONYMOUS_SHARE,
        Tier.AUTHENTICATED: rate_limit,
        Tier.PREMIUM: rate_limit * PREMIUM_SHARE,
    }
    return Policy(
        calls={tier: pace(limit) for tier, limit in limits.items()},
        debates={tier: pace(limit * DEBATES_SHARE) for tier, limit in limits.items()},
        address=pace(ip_rate_limit),
    )
