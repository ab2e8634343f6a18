"""What a counted answer tells about limits. Pure.

`RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers-10: the policy names
every bucket of the call with its quota `q` in a window of `w` seconds, and, as a parameter of our
own, how much of it may come at once; `RateLimit` says of the tightest one how many may come now
(`r`) and in how many seconds one more may (`t`). The `X-RateLimit-` fields say the same of the
tightest for older clients; their reset is the second, since 1970, in which it is full again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ratelimit.backends.base import Ask, Taken
from ratelimit.gcra import SECOND, Pace


def seconds(microseconds: int) -> int:
    """Whole seconds that are not too few."""
    return -(-microseconds // SECOND)


def retry_after(asks: Sequence[Ask], taken: Taken) -> int:
    """Whole seconds until a call that was refused passes; at least 1."""
    standings = taken.standings(asks)
    return max(1, *(seconds(s.wait(ask.cost)) for ask, s in zip(asks, standings, strict=True)))


def rate_limit_headers(asks: Sequence[Ask], taken: Taken, *, unix_time: float) -> dict[str, str]:
    """The fields for the answer to a call."""
    standings = taken.standings(asks)
    pairs = zip(asks, standings, strict=True)
    if taken.allowed:
        ask, left = min(pairs, key=lambda pair: pair[1].remaining)
    else:
        ask, left = max(pairs, key=lambda pair: pair[1].wait(pair[0].cost))
    return {
        "RateLimit-Policy": ", ".join(_policy(one.policy, one.pace) for one in asks),
        "RateLimit": f'"{ask.policy}";r={left.remaining};t={seconds(left.until_more)}',
        "X-RateLimit-Limit": str(ask.pace.count),
        "X-RateLimit-Remaining": str(left.remaining),
        "X-RateLimit-Reset": str(int(unix_time) + seconds(left.backlog)),
    }


@lru_cache(maxsize=256)
def _policy(policy: str, pace: Pace) -> str:
    return f'"{policy}";q={pace.count};w={pace.seconds};aragora-burst={pace.burst}'
