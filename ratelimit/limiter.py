"""The limiter of this process: shared by all instances through Redis, or on its own.

Without Redis, or while it is away, the buckets of this process decide. They know what Redis last
said of whoever came by here, so that its going lets nobody loose. No call raises, and none is let
through for want of an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

import structlog
from django.conf import settings

from ratelimit import metrics
from ratelimit.backends.base import Ask, Buckets, Limited, Taken, Unavailable
from ratelimit.backends.local import LocalBuckets

log = structlog.get_logger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 1.0
"""How long Redis is left alone when it did not answer. Then one call asks it, and may wait for the
timeout; the others go on meanwhile."""


class Limiter:
    """Callable from any thread."""

    def __init__(
        self,
        *,
        shared: Buckets | None = None,
        local: LocalBuckets | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._local = local or LocalBuckets()
        self._clock = clock
        self._lock = threading.Lock()
        self._away = False
        self._next_try = 0.0
        self._counted = {
            (allowed, backend): metrics.DECISIONS.labels(word, backend)
            for allowed, word in ((True, "allowed"), (False, "limited"))
            for backend in ("redis", "local")
        }
        metrics.SHARED.set(shared is not None)

    def take(self, asks: Sequence[Ask]) -> Taken:
        """Take from all buckets, or, where one does not allow it, from none."""
        taken = self._ask_shared(lambda shared: shared.take(asks))
        if taken is None:
            taken = self._local.take(asks)
            self._counted[taken.allowed, "local"].inc()
        else:
            self._local.adopt(asks, taken)
            self._counted[taken.allowed, "redis"].inc()
        return taken

    def give_back(self, asks: Sequence[Ask]) -> None:
        """Undo what was taken from these buckets."""
        self._ask_shared(lambda shared: shared.give_back(asks))
        self._local.give_back(asks)

    def limited(self) -> list[Limited]:
        """Who was refused in the last minute, the latest first: everywhere, or here."""
        found = self._ask_shared(lambda shared: shared.limited())
        return self._local.limited() if found is None else found

    def lift(self, name: str) -> None:
        """Let somebody begin anew."""
        self._ask_shared(lambda shared: shared.lift(name))
        self._local.lift(name)

    @property
    def is_alone(self) -> bool:
        """Whether it asks nobody else, and so never keeps anybody waiting."""
        return self._shared is None

    @property
    def is_shared(self) -> bool:
        """Whether limits hold over all instances now."""
        return self._shared is not None and not self._away

    # --- Redis, and whether it is there --------------------------------------------------------

    def _ask_shared(self, ask: Callable[[Buckets], T]) -> T | None:
        """Its answer; None when there is none."""
        if self._shared is None or (self._away and not self._may_try()):
            return None
        try:
            answer = ask(self._shared)
        except Unavailable as error:
            self._lost(str(error))
            return None
        if self._away:
            self._found()
        return answer

    def _may_try(self) -> bool:
        with self._lock:
            now = self._clock()
            if now < self._next_try:
                return False
            self._next_try = now + RETRY_SECONDS
            return True

    def _lost(self, reason: str) -> None:
        with self._lock:
            self._next_try = self._clock() + RETRY_SECONDS
            if self._away:
                return
            self._away = True
        metrics.FALLBACKS.inc()
        metrics.SHARED.set(0)
        log.warning("ratelimit_redis_lost", error=reason)

    def _found(self) -> None:
        with self._lock:
            if not self._away:
                return
            self._away = False
        metrics.SHARED.set(1)
        log.warning("ratelimit_redis_found")


def get_limiter() -> Limiter:
    """The limiter that the settings describe."""
    environment = settings.ARAGORA
    return _limiter(environment.redis_url, environment.redis_key_prefix, environment.redis_ttl)


@lru_cache(maxsize=8)
def _limiter(url: str, prefix: str, least_ttl: int) -> Limiter:
    if not url:
        return Limiter()
    # Most installations have none, and the client is slow to import.
    from ratelimit.backends.redis import RedisBuckets

    return Limiter(shared=RedisBuckets(url, prefix=prefix, least_ttl=least_ttl))
