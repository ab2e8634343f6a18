"""What a counted answer tells about limits. Pure.

`RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers-10: the policy names
every bucket of the call with its quota `q` in a window of `w` seconds, and, as a parameter of our
own, how much of it may come at once; `RateLimit` says of the tightest one how many may come now
(`r`) and in how many seconds one more may (`t`). The `X-RateLimit-` fields say the same of the
tightest for older clients; their reset is the second, since 1970, in which it is full again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratelimit.backends.base import Ask, Taken
from ratelimit.gcra import SECOND


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
    if taken.allowed:
        tightest = min(range(len(asks)), key=lambda at: standings[at].remaining)
    else:
        tightest = max(range(len(asks)), key=lambda at: standings[at].wait(asks[at].cost))
    ask, left = asks[tightest], standings[tightest]
    return {
        "RateLimit-Policy": ", ".join(_policy(one) for one in asks),
        "RateLimit": f'"{ask.policy}";r={left.remaining};t={seconds(left.until_more)}',
        "X-RateLimit-Limit": str(ask.pace.count),
        "X-RateLimit-Remaining": str(left.remaining),
        "X-RateLimit-Reset": str(int(unix_time) + seconds(left.backlog)),
    }


def _policy(ask: Ask) -> str:
    pace = ask.pace
    return f'"{ask.policy}";q={pace.count};w={pace.seconds};aragora-burst={pace.burst}'
