"""How many processes so many debates and sockets need. Pure: no Django.

Nothing is planned fuller than the guide lets it be before it adds instances: processes stand at
80 % of their places, instances at 800 sockets, a core at 70 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitoring.capacity.findings import (
    FULL,
    cores_of,
    cores_of_debate,
    guide_megabytes,
    megabytes_of,
)
from monitoring.scaling.measured import INSTANCE, Instance
from monitoring.scaling.triggers import Metric

LEAST_INSTANCES = 2
"""As soon as there are several, one may leave without the site going away."""
POOL, OVERFLOW = 20, 10
"""The guide's."""
LEAST_POOL = 12
"""Threads of a process that ask the database at the same moment: eight for requests, four for
streams; a worker has as many of other kinds."""
LISTENERS = 4
"""Connections of a worker beside its pool, for the queue."""
MAX_CONNECTIONS, RESERVED = 200, 13
"""The guide's `max_connections`, and what is left to administrators, backups and monitoring."""
READERS = 20
"""Who follow a debate, where nobody says how many sockets there are."""
REDIS_OPERATIONS_OF_PROCESS = 2
"""A second, without readers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    debates: int
    """Asked for, at once."""
    sockets: int
    instances: int
    """`serve` processes."""
    workers: int
    """`worker` processes; 0 where the one instance runs the debates itself."""
    places: int
    """Debates at once in each process that runs them: ARAGORA_MAX_CONCURRENT_DEBATES."""
    sockets_of_instance: int
    """ARAGORA_MAX_WEBSOCKET_CONNECTIONS."""
    postgresql: bool
    pool: int
    """ARAGORA_DB_POOL_SIZE, of each process; 0 with SQLite."""
    overflow: int
    connections: int
    """Of all processes, at most."""
    pooler: bool
    """Whether PgBouncer has to stand in between."""
    redis: bool
    redis_connections: int
    redis_messages_per_second: int
    """At most: every frame of every debate, to every instance."""
    megabytes_of_instance: int
    megabytes_of_worker: int
    megabytes: int
    """Of all processes, as measured."""
    guide_megabytes: int
    """By the guide's formula, which is a ceiling."""
    cores: float


def plan(
    debates: int,
    sockets: int | None = None,
    *,
    places: int,
    sockets_of_instance: int,
    agents: int,
    core: float = 1.0,
    instance: Instance = INSTANCE,
) -> Plan:
    """What carries so many debates at once, and their readers.

    `places` and `sockets_of_instance` are the limits of a process, `core` what one core does as a
    multiple of the one that the constants were measured on. Raises ValueError for a limit that
    leaves no room.
    """
    sockets = debates * READERS if sockets is None else sockets
    spare = core * FULL[Metric.CPU] - instance.cpu_idle.value
    places = min(places, math.floor(spare / cores_of_debate(instance)))
    held = _sockets_held(sockets_of_instance, core, instance)
    if places < 1 or held < 1:
        raise ValueError("A process on this machine carries not even one debate or one socket.")
    room = max(1, math.floor(places * FULL[Metric.DEBATES]))
    alone = (
        debates <= room
        and sockets <= held
        and cores_of(debates, sockets, instance) <= core * FULL[Metric.CPU]
    )
    if alone:
        instances, workers = 1, 0
    else:
        instances = max(LEAST_INSTANCES, math.ceil(sockets / held))
        workers = max(1, math.ceil(debates / room))
    pool, overflow, pooler = (0, 0, False) if alone else _pools(instances + workers, workers)
    of_instance = math.ceil(
        megabytes_of(debates if alone else 0, math.ceil(sockets / instances), instance)
    )
    of_worker = math.ceil(
        instance.memory_of_worker.value
        + (math.ceil(debates / workers) if workers else 0) * instance.memory_of_debate.value
    )
    messages = debates * instance.deliveries_of_socket.value * (1 + instances)
    processes = instances + workers
    return Plan(
        debates=debates,
        sockets=sockets,
        instances=instances,
        workers=workers,
        places=places,
        sockets_of_instance=sockets_of_instance,
        postgresql=not alone,
        pool=pool,
        overflow=overflow,
        connections=(pool + overflow) * processes + LISTENERS * workers,
        pooler=pooler,
        redis=not alone,
        redis_connections=0 if alone else math.ceil(instance.redis_connections.value) * processes,
        redis_messages_per_second=0
        if alone
        else math.ceil(messages + processes * REDIS_OPERATIONS_OF_PROCESS),
        megabytes_of_instance=of_instance,
        megabytes_of_worker=of_worker if workers else 0,
        megabytes=of_instance * instances + of_worker * workers,
        guide_megabytes=guide_megabytes(debates, agents),
        cores=round(
            (cores_of(debates, sockets, instance) + (processes - 1) * instance.cpu_idle.value)
            / core,
            2,
        ),
    )


def _sockets_held(limit: int, core: float, instance: Instance) -> int:
    """Sockets of an instance before the guide adds another one: 800 of 1000."""
    by_limit = math.floor(limit * FULL[Metric.SOCKETS] / instance.sockets.value)
    of_one = instance.deliveries_of_socket.value * instance.cpu_of_delivery.value
    by_cpu = math.floor((core * FULL[Metric.CPU] - instance.cpu_idle.value) / of_one)
    return min(by_limit, by_cpu)


def _pools(processes: int, workers: int) -> tuple[int, int, bool]:
    """Size and overflow of each pool, and whether a pooler is needed. They shrink as far as the
    threads allow before one is."""
    share = (MAX_CONNECTIONS - RESERVED - LISTENERS * workers) // processes
    if share < LEAST_POOL:
        return POOL, OVERFLOW, True
    size = min(POOL, share)
    return size, min(OVERFLOW, share - size), False
