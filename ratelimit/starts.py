"""A call that starts several debates takes as many places of the limit on starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.http import HttpRequest

from aragora_site.errors import InvalidInput, TooFast
from ratelimit.backends.base import Ask, Taken
from ratelimit.headers import retry_after
from ratelimit.limiter import get_limiter
from ratelimit.policy import DEBATES


@dataclass(slots=True)
class Counted:
    """What a request took, which the middleware keeps with it, and how its buckets stand."""

    asks: list[Ask]
    taken: Taken
    starts_nothing: bool = False
    """No debate was started, whatever the answer looks like."""

    @property
    def starts(self) -> list[Ask]:
        return [ask for ask in self.asks if ask.policy.startswith(DEBATES)]

    def note(self, asks: list[Ask], taken: Taken) -> None:
        """More was taken from some of the buckets."""
        after = dict(zip((ask.name for ask in asks), taken.full_at, strict=True))
        before = zip(self.asks, self.taken.full_at, strict=True)
        full_at = tuple(after.get(ask.name, full_at) for ask, full_at in before)
        self.taken = Taken(allowed=True, now=taken.now, full_at=full_at)
        more = {ask.name: ask.cost for ask in asks}
        self.asks = [ask._replace(cost=ask.cost + more.get(ask.name, 0)) for ask in self.asks]


def note_no_start(request: HttpRequest) -> None:
    """The answer will look as if a debate were started, and none is."""
    counted: Counted | None = getattr(request, "counted", None)
    if counted is not None:
        counted.starts_nothing = True


@contextmanager
def starting(request: HttpRequest, count: int, *, field: str) -> Iterator[None]:
    """Take the places of so many debates, of which the call itself has taken one, and give them
    back if they are not started.

    Raises `TooFast`, or `InvalidInput` about `field` for more than ever come at once."""
    counted: Counted | None = getattr(request, "counted", None)
    starts = counted.starts if counted else []
    if counted is None or not starts or count <= 1:
        yield
        return
    most = min(ask.pace.burst for ask in starts)
    if count > most:
        message = f"Your limit lets {most} debates start at once; these are {count}."
        raise InvalidInput(f"{field}: {message}", fields=((field, message),))
    more = [ask._replace(cost=count - 1) for ask in starts]
    limiter = get_limiter()
    taken = limiter.take(more)
    if not taken.allowed:
        seconds = retry_after(more, taken)
        raise TooFast(
            f"Too many starts of debates: wait {seconds} seconds to start {count}, or start fewer.",
            retry_after=seconds,
        )
    try:
        yield
    except BaseException:
        limiter.give_back(more)
        raise
    counted.note(more, taken)
