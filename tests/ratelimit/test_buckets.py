"""Buckets in Redis and in this process: the same behaviour, all or none, bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratelimit.backends.base import MAX_REMEMBERED, Ask, Buckets, Taken
from ratelimit.backends.local import LocalBuckets
from ratelimit.backends.redis import RedisBuckets
from ratelimit.gcra import SECOND, Pace

SLOW = Pace(count=60, seconds=60, burst=3)
FAST = Pace(count=20_000, seconds=1, burst=4)
"""One more every 50 µs: some calls to Redis are refused, others come in time."""


@pytest.fixture
def shared(redis_url: str) -> RedisBuckets:
    return RedisBuckets(redis_url, prefix=f"test:{uuid4().hex}:", least_ttl=120)


@pytest.fixture(params=["local", "redis"])
def buckets(request: pytest.FixtureRequest) -> Buckets:
    if request.param == "local":
        return LocalBuckets()
    shared: RedisBuckets = request.getfixturevalue("shared")
    return shared


def one(name: str = "user:1", pace: Pace = SLOW, cost: int = 1) -> list[Ask]:
    return [Ask(name, pace, cost)]


# --- Both alike --------------------------------------------------------------------------------

names = st.sampled_from(["user:1", "user:2", "address:::/64", "debates:user:1"])
asks = st.lists(
    st.builds(Ask, names, st.sampled_from([SLOW, FAST, Pace(7, 1, 2)]), st.integers(1, 4)),
    min_size=1,
    max_size=3,
    unique_by=lambda ask: ask.name,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(asks, min_size=1, max_size=25))
def test_redis_and_this_process_decide_alike(redis_url: str, calls: list[list[Ask]]) -> None:
    """Redis goes by its own clock; the local buckets are told what it read at every call."""
    shared = RedisBuckets(redis_url, prefix=f"test:{uuid4().hex}:", least_ttl=120)
    local = LocalBuckets()
    for call in calls:
        there = shared.take(call)
        here = local.take(call, now=there.now)
        assert here.allowed == there.allowed
        assert here.standings(call) == there.standings(call)
        if there.allowed:
            assert here.full_at == there.full_at


def test_the_burst_passes_and_no_more(buckets: Buckets) -> None:
    assert [buckets.take(one()).allowed for _ in range(5)] == [True] * 3 + [False] * 2
    assert buckets.take(one("user:2")).allowed


def test_every_bucket_has_to_allow_it_or_none_is_touched(buckets: Buckets) -> None:
    narrow, wide = Ask("narrow:1", Pace(1, 60, 1)), Ask("wide:1", Pace(60, 60, 100))
    assert buckets.take([wide, narrow]).allowed
    refused = buckets.take([wide, narrow])
    assert not refused.allowed
    assert [left.remaining for left in refused.standings([wide, narrow])] == [99, 0]
    assert buckets.take([wide]).standings([wide])[0].remaining == 98


def test_what_is_given_back_can_be_taken_again(buckets: Buckets) -> None:
    for _ in range(20):
        assert buckets.take(one()).allowed
        buckets.give_back(one())
    buckets.give_back(one("user:9"))  # It was never used, and holds no more for it.
    assert [buckets.take(one("user:9")).allowed for _ in range(4)] == [True] * 3 + [False]


def test_who_was_refused_is_told_and_can_be_let_go(buckets: Buckets) -> None:
    for name in ("user:1", "user:2"):
        assert [buckets.take(one(name)).allowed for _ in range(4)][-1] is False
    told = buckets.limited()
    assert [entry.name for entry in told] == ["user:2", "user:1"]
    assert all(0 <= entry.refused_ago < 30 and 0 < entry.full_in <= 3 for entry in told)
    buckets.lift("user:1")
    assert [entry.name for entry in buckets.limited()] == ["user:2"]
    assert buckets.take(one()).allowed
    assert not buckets.take(one("user:2")).allowed


def test_the_list_of_the_refused_is_bounded(buckets: Buckets) -> None:
    never = Pace(1, 3600, 1)
    for number in range(MAX_REMEMBERED + 20):
        buckets.take([Ask(f"user:{number}", never, cost=2)])
    told = buckets.limited()
    assert len(told) == MAX_REMEMBERED
    assert told[0].name == f"user:{MAX_REMEMBERED + 19}"


def test_many_at_once_get_no_more_than_the_burst(buckets: Buckets) -> None:
    pace, passed = Pace(1, 3600, 50), []

    def hammer() -> None:
        passed.extend(buckets.take(one(pace=pace)).allowed for _ in range(40))

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 50


# --- Redis -------------------------------------------------------------------------------------


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_a_call_is_one_round_trip(shared: RedisBuckets, client: redis.Redis) -> None:
    three = [Ask(f"bucket:{number}", SLOW) for number in range(3)]
    shared.take(three)
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    shared.take(three)
    after = client.info("commandstats")
    assert after["cmdstat_evalsha"]["calls"] - before == 1


def test_it_goes_on_when_the_scripts_are_flushed(shared: RedisBuckets, client: redis.Redis) -> None:
    shared.take(one())
    client.script_flush()
    assert shared.take(one()).standings(one())[0].remaining == 1


def test_keys_stand_under_the_prefix_and_go_when_nobody_needs_them(
    redis_url: str, client: redis.Redis
) -> None:
    prefix = f"test:{uuid4().hex}:"
    shared = RedisBuckets(redis_url, prefix=prefix, least_ttl=120)
    deep = Pace(60, 60, 1000)
    shared.take([Ask("user:1", SLOW), Ask("user:2", deep, cost=1000)])
    assert not shared.take(one("user:2", deep)).allowed
    keys = client.keys(f"{prefix}*")
    lives = {key.decode().removeprefix(prefix): client.ttl(key) for key in keys}
    assert lives.keys() == {"user:1", "user:2", "refused"}
    assert 110 <= lives["user:1"] <= 120  # the setting
    assert 990 <= lives["user:2"] <= 1000  # as long as it is not full
    assert 50 <= lives["refused"] <= 60


# --- This process ------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


def test_memory_is_bounded_and_who_comes_often_is_remembered() -> None:
    buckets, busy = LocalBuckets(most=100), one("address:busy", Pace(1, 3600, 3))
    while buckets.take(busy).allowed:
        pass
    for number in range(1000):
        buckets.take(one(f"address:{number}"))
        assert len(buckets) <= 100
        if number % 20 == 0:
            assert not buckets.take(busy).allowed


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 4 * SECOND), names, st.sampled_from([SLOW, Pace(1, 5, 2)])),
        max_size=60,
    )
)
def test_forgetting_changes_no_decision(calls: list[tuple[int, str, Pace]]) -> None:
    """Generations come and go; the decisions are those of a store that forgets nothing."""
    clock, everything = Clock(), LocalBuckets(clock=lambda: 0)
    buckets = LocalBuckets(clock=clock)
    for gap, name, pace in calls:
        clock.now += gap
        call = [Ask(f"{name}/{pace.burst}", pace)]
        kept: Taken = everything.take(call, now=clock.now)
        everything._born = clock.now  # Its generation never ends.
        assert buckets.take(call).standings(call) == kept.standings(call)


def test_quiet_buckets_are_dropped() -> None:
    clock = Clock()
    buckets = LocalBuckets(clock=clock)
    for number in range(1000):
        buckets.take(one(f"address:{number}"))
    clock.now += 4 * SECOND
    buckets.take(one())
    clock.now += 4 * SECOND
    buckets.take(one())
    assert len(buckets) == 1
