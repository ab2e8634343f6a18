"""The shared cache, which answers also while Redis does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.5
"""A cache that takes longer is slower than the question."""
AWAY_SECONDS = 2.0
"""How long a Redis that failed is not asked."""


class TolerantRedisCache(RedisCache):
    """Redis; for as long as it is away, a cache of this process, empty at first.

    So what is counted in it is counted by each instance alone meanwhile, and not at all by none.
    What was written meanwhile is not brought to Redis: there an older value may stand until its
    time is over."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = {
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "socket_timeout": TIMEOUT_SECONDS,
            # A connection that a restart has broken is opened anew, once.
            "retry": Retry(NoBackoff(), 1),
            **params.get("OPTIONS", {}),
        }
        super().__init__(server, params | {"OPTIONS": options})
        self._local = LocMemCache("while Redis is away", params)
        self._away_until = 0.0
        self._is_away = False

    def _ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        import redis

        if time.monotonic() >= self._away_until:
            shared: Callable[..., Any] = getattr(super(), name)
            try:
                answer = shared(*args, **kwargs)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                self._begin_outage(error)
            else:
                self._end_outage()
                return answer
        return getattr(self._local, name)(*args, **kwargs)

    def _begin_outage(self, error: Exception) -> None:
        self._away_until = time.monotonic() + AWAY_SECONDS
        if not self._is_away:
            self._is_away = True
            log.warning("cache_unreachable", error=type(error).__name__)

    def _end_outage(self) -> None:
        if self._is_away:
            self._is_away = False
            self._local.clear()
            log.info("cache_reachable")

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
