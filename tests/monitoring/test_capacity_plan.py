"""A plan carries what was asked for, and more is never less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.capacity.findings import Configured, Measured, Status, find
from monitoring.capacity.plan import MAX_CONNECTIONS, plan
from monitoring.scaling.measured import INSTANCE

numbers = st.integers(0, 100_000)
limits = st.fixed_dictionaries(
    {
        "places": st.integers(1, 300),
        "sockets_of_instance": st.integers(2, 5000),
        "agents": st.integers(2, 50),
        "core": st.floats(0.1, 10),
    }
)


@given(numbers, numbers, numbers, numbers, limits)
def test_more_is_never_less(
    debates: int, sockets: int, further: int, others: int, given_limits: dict[str, float]
) -> None:
    less = plan(debates, sockets, **given_limits)  # type: ignore[arg-type]
    more = plan(debates + further, sockets + others, **given_limits)  # type: ignore[arg-type]
    for name in ("instances", "workers", "cores", "megabytes", "redis", "postgresql"):
        assert getattr(less, name) <= getattr(more, name), name
    assert less.guide_megabytes <= more.guide_megabytes
    assert less.redis_connections <= more.redis_connections
    assert less.redis_messages_per_second <= more.redis_messages_per_second
    assert less.pooler <= more.pooler


@given(numbers, numbers, limits)
def test_it_carries_what_was_asked_for(
    debates: int, sockets: int, given_limits: dict[str, float]
) -> None:
    it = plan(debates, sockets, **given_limits)  # type: ignore[arg-type]
    runs = it.workers or it.instances
    assert runs * it.places >= debates
    assert it.places <= given_limits["places"]
    assert it.instances * it.sockets_of_instance >= sockets
    assert it.cores <= 0.71 * (it.instances + it.workers) + 0.01
    assert (it.workers > 0) == it.postgresql == it.redis
    if it.postgresql and not it.pooler:
        assert it.connections < MAX_CONNECTIONS


def test_a_machine_that_carries_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not even one"):
        plan(1, 1, places=10, sockets_of_instance=1, agents=3)


# --- Findings ----------------------------------------------------------------------------------

CONFIGURED = Configured(
    debates=10, agents=10, sockets=1000, instances=2, web_threads=8, web_queue=256, pool=30,
    postgresql=True, redis=True,
)  # fmt: skip
MEASURED = Measured(
    calibration_seconds=INSTANCE.calibration.value, cores=2, memory_megabytes=4096,
    descriptors=65535, somaxconn=4096, syn_backlog=4096,
    database_seconds=0.001, commit_seconds=0.005, connections_allowed=197, redis_seconds=0.001,
)  # fmt: skip


def test_the_guides_machine_carries_the_guides_limits() -> None:
    assert {found.status for found in find(MEASURED, CONFIGURED)} == {Status.OK}


@pytest.mark.parametrize(
    ("limit", "worse"),
    [
        ("CPU", {"calibration_seconds": 100 * MEASURED.calibration_seconds}),
        ("memory", {"memory_megabytes": 128}),
        ("open files", {"descriptors": 1024}),
        ("database round trip", {"database_seconds": 0.05}),
        ("commit", {"commit_seconds": 1.0}),
        ("max_connections", {"connections_allowed": 50}),
        ("Redis round trip", {"redis_seconds": 1.0}),
    ],
)
def test_each_limit_alone_is_found(limit: str, worse: dict[str, float]) -> None:
    found = find(replace(MEASURED, **worse), CONFIGURED)  # type: ignore[arg-type]
    assert {one.limit for one in found if one.status is Status.SHORT} == {limit}
    assert all(one.change for one in found if one.status is Status.SHORT)


def test_short_queues_of_the_kernel_are_felt_and_not_fatal() -> None:
    found = find(replace(MEASURED, somaxconn=128, syn_backlog=256), CONFIGURED)
    tight = {one.limit: one.change for one in found if one.status is not Status.OK}
    assert tight == {
        "somaxconn": "sysctl -w net.core.somaxconn=65535",
        "SYN backlog": "sysctl -w net.ipv4.tcp_max_syn_backlog=65535",
    }


def test_what_the_system_does_not_tell_fails_nothing() -> None:
    nothing = Measured(calibration_seconds=INSTANCE.calibration.value, cores=2)
    found = find(nothing, replace(CONFIGURED, postgresql=False, redis=False))
    told = {one.status for one in found if one.limit not in ("CPU", "database round trip")}
    assert told == {Status.UNKNOWN}


@given(st.integers(1, 1000), st.integers(1, 20_000), st.integers(1, 100))
def test_whatever_asks_for_more_than_there_is_is_short(
    debates: int, sockets: int, instances: int
) -> None:
    configured = replace(CONFIGURED, debates=debates, sockets=sockets, instances=instances)
    for one in find(MEASURED, configured):
        assert one.carries is not None
        assert one.needs is not None
        if one.limit not in ("somaxconn", "SYN backlog"):
            assert (one.status is Status.SHORT) == (one.needs > one.carries)
