"""Buckets in Redis, which all instances share.

A call is one script and one round trip, whatever the number of buckets: Redis runs it alone, by its
own clock, so that instances whose clocks differ agree. The keys of a call lie on one server: Redis
Cluster is not for this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ratelimit.backends.base import (
    MAX_REMEMBERED,
    REMEMBERED_SECONDS,
    Ask,
    Limited,
    Taken,
    Unavailable,
)
from ratelimit.gcra import SECOND

TIMEOUT_SECONDS = 0.25
"""For connecting, and for an answer. A limiter that is slower than this is in the way."""

# `ratelimit.gcra.arrive`, for all buckets or none. Numbers are doubles, exact up to 2^53; a time in
# microseconds needs 51 bits. KEYS: the refused, the buckets. ARGV: the least TTL in seconds, how
# many refused are remembered and for how long, then depth and cost of each bucket in microseconds.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local before, after, refused = {}, {}, {}
for i = 2, #KEYS do
  local depth, cost = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local full_at = tonumber(redis.call('GET', KEYS[i]) or '0')
  local backlog = math.max(0, full_at - now)
  if backlog > depth then backlog = backlog <= 2 * depth and depth or 0 end
  before[#before + 1] = full_at
  after[#after + 1] = now + backlog + cost
  if backlog + cost > depth then refused[#refused + 1] = KEYS[i] end
end
if #refused == 0 then
  for i = 2, #KEYS do
    local lives = math.max(tonumber(ARGV[1]) * 1000, math.ceil((after[i - 1] - now) / 1000))
    redis.call('SET', KEYS[i], string.format('%.0f', after[i - 1]), 'PX', lives)
  end
  return {1, now, unpack(after)}
end
for _, key in ipairs(refused) do
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), key)
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {0, now, unpack(before)}
"""

# KEYS: the buckets. ARGV: the cost of each in microseconds.
GIVE_BACK = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('DECRBY', key, ARGV[i]) end
end
"""

# KEYS: the refused. ARGV: for how many seconds they are.
LIMITED = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1] * 1000000)
local found = {}
for i, entry in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1, 'WITHSCORES')) do
  if i % 2 == 1 then
    found[#found + 1] = entry
    found[#found + 1] = tonumber(redis.call('GET', entry) or '0') - now
  else
    found[#found + 1] = now - entry
  end
end
return found
"""


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Raise `Unavailable` for whatever Redis, or the way to it, has to say instead of an answer."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise Unavailable(type(error).__name__) from error


class RedisBuckets:
    """Callable from any thread."""

    def __init__(self, url: str, *, prefix: str, least_ttl: int) -> None:
        """Keys begin with `prefix` and live for `least_ttl` seconds, or longer until they are
        full."""
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            # Once more, at once: a connection that was idle may have been closed. Never for a
            # timeout, which would take twice as long.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._prefix = prefix
        self._least_ttl = least_ttl
        self._refused = f"{prefix}refused"
        # Sent by their hash; sent in full again when Redis does not know it.
        self._take = self._client.register_script(TAKE)
        self._give_back = self._client.register_script(GIVE_BACK)
        self._limited = self._client.register_script(LIMITED)

    def take(self, asks: Sequence[Ask]) -> Taken:
        prefix = self._prefix
        keys, args = [self._refused], [self._least_ttl, MAX_REMEMBERED, REMEMBERED_SECONDS]
        for name, pace, cost, _ in asks:
            keys.append(prefix + name)
            args += (pace.depth, cost * pace.interval)
        with _unavailable():
            allowed, now, *full_at = cast(list[int], self._take(keys=keys, args=args))
        return Taken(allowed == 1, now, tuple(full_at))

    def give_back(self, asks: Sequence[Ask]) -> None:
        keys = [self._prefix + ask.name for ask in asks]
        with _unavailable():
            self._give_back(keys=keys, args=[ask.cost * ask.pace.interval for ask in asks])

    def limited(self) -> list[Limited]:
        with _unavailable():
            found = cast(list[Any], self._limited(keys=[self._refused], args=[REMEMBERED_SECONDS]))
        return [
            Limited(
                key.decode().removeprefix(self._prefix),
                refused_ago=ago / SECOND,
                full_in=max(0, full_in) / SECOND,
            )
            for key, full_in, ago in zip(found[::3], found[1::3], found[2::3], strict=True)
        ]

    def lift(self, name: str) -> None:
        with _unavailable(), self._client.pipeline() as pipeline:
            pipeline.delete(self._prefix + name)
            pipeline.zrem(self._refused, self._prefix + name)
            pipeline.execute()
