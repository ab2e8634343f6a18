"""The shared cache, which answers also while Redis does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.5
"""A cache that takes longer is slower than the question."""
AWAY_SECONDS = 2.0
"""How long a Redis that failed is not asked."""


class Outage:
    """What this process knows of a Redis that failed. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_try = 0.0
        self.is_on = False

    def may_ask(self) -> bool:
        """Whether to ask Redis. While it is away, one caller at a time finds out about it, and may
        wait for the time-out; the others go on meanwhile."""
        if not self.is_on:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + TIMEOUT_SECONDS + AWAY_SECONDS
            return True

    def begin(self, error: Exception) -> None:
        with self._lock:
            self._next_try = time.monotonic() + AWAY_SECONDS
            if self.is_on:
                return
            self.is_on = True
        log.warning("cache_unreachable", error=type(error).__name__)

    def end(self) -> bool:
        """Whether there was one until now."""
        with self._lock:
            was_on, self.is_on = self.is_on, False
        if was_on:
            log.info("cache_reachable")
        return was_on


@cache
def outage_of(server: str) -> Outage:
    """Django makes a cache for every thread; what they know of a server they share."""
    return Outage()


class TolerantRedisCache(RedisCache):
    """Redis; for as long as it is away, a cache of this process, empty at first.

    So what is counted in it is counted by each instance alone meanwhile, and not at all by none.
    What was written meanwhile is not brought to Redis: there an older value may stand until its
    time is over. Whoever cannot have that looks at `is_away`."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = {
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "socket_timeout": TIMEOUT_SECONDS,
            # A connection that a restart has broken is opened anew, once; a time-out is enough.
            "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            **params.get("OPTIONS", {}),
        }
        super().__init__(server, params | {"OPTIONS": options})
        self._outage = outage_of(server)
        local = {name: value for name, value in params.items() if name != "OPTIONS"}
        self._local = LocMemCache(f"while Redis is away {params.get('KEY_PREFIX', '')}", local)

    @property
    def is_away(self) -> bool:
        """Whether Redis was away when it was asked last."""
        return self._outage.is_on

    def _ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        import redis

        if self._outage.may_ask():
            shared: Callable[..., Any] = getattr(super(), name)
            try:
                answer = shared(*args, **kwargs)
            except redis.RedisError as error:
                self._outage.begin(error)
            else:
                if self._outage.is_on and self._outage.end():
                    self._local.clear()
                return answer
        return getattr(self._local, name)(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("touch", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("delete", *args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("get_many", *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("has_key", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("incr", *args, **kwargs)

    def set_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("set_many", *args, **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("delete_many", *args, **kwargs)

    def clear(self) -> Any:
        return self._ask("clear")
