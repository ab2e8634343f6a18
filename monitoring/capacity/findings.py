"""What each limit carries, beside what the configuration asks of it. Pure: no Django."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from monitoring.scaling.measured import INSTANCE, Instance
from monitoring.scaling.triggers import GUIDE, Metric
from monitoring.slo import SLO, Figure

FULL = {trigger.metric: trigger.up for trigger in GUIDE}
BACKLOG = 2048
"""Connections that `serve` lets wait until they are taken."""
FILES_OF_SQLITE = 3
"""The database, its log and the log's index, for each thread."""


class Status(StrEnum):
    OK = "ok"
    TIGHT = "tight"
    """It goes, and somebody will notice."""
    SHORT = "short"
    """The configuration asks for more than this carries."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Configured:
    """What the settings promise or ask for."""

    debates: int
    """At once, in a process."""
    agents: int
    """Of a debate, at most."""
    sockets: int
    """Of an instance."""
    instances: int
    web_threads: int
    web_queue: int
    pool: int
    """Connections of a process: the pool and its overflow."""
    postgresql: bool
    redis: bool
    pooler: bool = False
    """Whether something stands between the instances and PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Measured:
    """This machine and what it reaches; None for what could not be told."""

    calibration_seconds: float
    cores: float
    memory_megabytes: float | None = None
    descriptors: int | None = None
    somaxconn: int | None = None
    syn_backlog: int | None = None
    database_seconds: float | None = None
    """One query there and back."""
    commit_seconds: float | None = None
    """Until what was written is safe: a commit of PostgreSQL, an fsync beside SQLite."""
    connections_allowed: int | None = None
    """By PostgreSQL, for roles like ours."""
    redis_seconds: float | None = None
    database_problem: str = ""
    redis_problem: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit: what was measured, what it carries, what is asked of it and what to change."""

    limit: str
    measured: str
    carries: float | None
    needs: float | None
    of: str
    """What `carries` and `needs` count."""
    status: Status
    change: str = ""
    """What to do; empty where nothing is to be done."""


def find(
    measured: Measured, configured: Configured, instance: Instance = INSTANCE
) -> list[Finding]:
    """Every limit, in the order in which one meets them."""
    return [
        _cpu(measured, configured, instance),
        _memory(measured, configured, instance),
        _descriptors(measured, configured, instance),
        _somaxconn(measured, configured),
        _syn_backlog(measured, configured),
        _database(measured, configured, instance),
        _commit(measured, configured, instance),
        *([_connections(measured, configured)] if configured.postgresql else []),
        *([_redis(measured, configured)] if configured.redis else []),
    ]


# --- The machine -------------------------------------------------------------------------------


def speed(measured: Measured, instance: Instance = INSTANCE) -> float:
    """Of one core, as a multiple of the one that the constants were measured on."""
    return instance.calibration.value / measured.calibration_seconds


def cores_of(debates: float, sockets: float, instance: Instance = INSTANCE) -> float:
    """Cores, of the measured kind, that so much takes of a process."""
    return (
        instance.cpu_idle.value
        + debates * cores_of_debate(instance)
        + sockets * instance.deliveries_of_socket.value * instance.cpu_of_delivery.value
    )


def cores_of_debate(instance: Instance = INSTANCE) -> float:
    """While it runs."""
    return instance.cpu_of_debate.value / instance.debate_seconds.value


def megabytes_of(debates: float, sockets: float, instance: Instance = INSTANCE) -> float:
    """Memory of a process that serves and runs debates."""
    return (
        instance.memory_idle.value
        + debates * instance.memory_of_debate.value
        + sockets * instance.memory_of_socket.value
    )


def guide_megabytes(debates: int, agents: int) -> int:
    """The guide's formula: a ceiling to plan with, far above what is measured."""
    return 200 + debates * 500 + agents * 50


def _cpu(measured: Measured, configured: Configured, instance: Instance) -> Finding:
    """A process uses one core, however many there are: Python runs one thread at a time."""
    core = speed(measured, instance) * min(1.0, measured.cores)
    spare = core - cores_of(0, configured.sockets, instance)
    carries = math.floor(max(0.0, spare) / cores_of_debate(instance))
    return _judged(
        limit="CPU",
        measured=f"{measured.cores:g} cores, {speed(measured, instance):.2f} x the measured kind",
        carries=carries,
        needs=configured.debates,
        of=f"debates beside {configured.sockets} sockets, in one process",
        change="Lower ARAGORA_MAX_CONCURRENT_DEBATES or ARAGORA_MAX_WEBSOCKET_CONNECTIONS, or "
        "add instances.",
        tight_from=FULL[Metric.CPU],
    )


def _memory(measured: Measured, configured: Configured, instance: Instance) -> Finding:
    limit, of = "memory", f"debates beside {configured.sockets} sockets"
    if measured.memory_megabytes is None:
        return _unknown(limit, of, configured.debates)
    spare = measured.memory_megabytes - megabytes_of(0, configured.sockets, instance)
    formula = guide_megabytes(configured.debates, configured.agents)
    return _judged(
        limit=limit,
        measured=f"{measured.memory_megabytes:,.0f} MB; {formula:,} MB by the guide's formula",
        carries=math.floor(max(0.0, spare) / instance.memory_of_debate.value),
        needs=configured.debates,
        of=of,
        change="Lower ARAGORA_MAX_CONCURRENT_DEBATES or ARAGORA_MAX_WEBSOCKET_CONNECTIONS, or "
        "give the process more memory.",
        tight_from=FULL[Metric.MEMORY],
    )


def _descriptors(measured: Measured, configured: Configured, instance: Instance) -> Finding:
    limit, of = "open files", "sockets"
    if measured.descriptors is None:
        return _unknown(limit, of, configured.sockets)
    others = files_beside_sockets(configured, instance)
    needed = configured.sockets + others
    wanted = max(65535, needed)
    return _judged(
        limit=limit,
        measured=f"{measured.descriptors:,}, {others:,} of them for other things",
        carries=max(0, measured.descriptors - others),
        needs=configured.sockets,
        of=of,
        change=f"LimitNOFILE={wanted} of the service, or --ulimit nofile of the container; or "
        "lower ARAGORA_MAX_WEBSOCKET_CONNECTIONS.",
    )


def files_beside_sockets(configured: Configured, instance: Instance = INSTANCE) -> int:
    """Files and connections of a process that are no sockets of readers: requests, the database,
    the models."""
    database = (
        configured.pool if configured.postgresql else configured.web_threads * FILES_OF_SQLITE
    )
    return (
        int(instance.open_files.value)
        + configured.web_threads
        + configured.web_queue
        + database
        + configured.debates * configured.agents
    )


def _somaxconn(measured: Measured, configured: Configured) -> Finding:
    return _burst("somaxconn", "net.core.somaxconn", measured.somaxconn, configured)


def _syn_backlog(measured: Measured, configured: Configured) -> Finding:
    return _burst("SYN backlog", "net.ipv4.tcp_max_syn_backlog", measured.syn_backlog, configured)


def _burst(limit: str, name: str, value: int | None, configured: Configured) -> Finding:
    """When another instance leaves, its readers come at once. Those that find no room try again,
    so this is never more than tight."""
    needs = min(BACKLOG, configured.sockets)
    of = "connections that come at the same moment"
    if value is None:
        return _unknown(limit, of, needs)
    return Finding(
        limit,
        f"{value:,}",
        min(value, BACKLOG),
        needs,
        of,
        Status.OK if value >= needs else Status.TIGHT,
        "" if value >= needs else f"sysctl -w {name}=65535",
    )


# --- What it reaches ---------------------------------------------------------------------------


def _database(measured: Measured, configured: Configured, instance: Instance) -> Finding:
    limit, of = "database round trip", "requests/s, as far as this decides"
    needs = SLO[Figure.THROUGHPUT].bound
    if measured.database_seconds is None:
        return _away(limit, of, needs, measured.database_problem)
    of_request = measured.database_seconds * instance.queries_of_request.value
    return _judged(
        limit=limit,
        measured=_milliseconds(measured.database_seconds),
        carries=math.floor(configured.web_threads / of_request),
        needs=needs,
        of=of,
        change="Bring the database nearer, or raise ARAGORA_WEB_THREADS.",
    )


def _commit(measured: Measured, configured: Configured, instance: Instance) -> Finding:
    """Commits of one debate follow each other; those of different debates are counted so, too."""
    limit = "commit" if configured.postgresql else "fsync"
    of = "debates at once, over all instances"
    needs = configured.debates * configured.instances
    if measured.commit_seconds is None:
        if measured.database_problem:
            return _away(limit, of, needs, measured.database_problem)
        return _unknown(limit, of, needs)
    a_second = instance.commits_of_debate.value / instance.debate_seconds.value
    return _judged(
        limit=limit,
        measured=_milliseconds(measured.commit_seconds),
        carries=math.floor(1 / measured.commit_seconds / a_second),
        needs=needs,
        of=of,
        change="Put the database on a faster disk; never turn its durability off.",
    )


def _connections(measured: Measured, configured: Configured) -> Finding:
    limit, of = "max_connections", "instances, with their pools"
    if measured.database_problem:
        return _away(limit, of, configured.instances, measured.database_problem)
    if configured.pooler or measured.connections_allowed is None:
        how = "a pooler stands in between; its limits count" if configured.pooler else "not told"
        return _unknown(limit, of, configured.instances, how)
    allowed = measured.connections_allowed
    return _judged(
        limit=limit,
        measured=f"{allowed} for {configured.instances} x {configured.pool}",
        carries=allowed // configured.pool,
        needs=configured.instances,
        of=of,
        change="Lower ARAGORA_DB_POOL_SIZE and ARAGORA_DB_POOL_OVERFLOW, raise max_connections, "
        "or put PgBouncer in between and set ARAGORA_DIRECT_DATABASE_URL.",
        tight_from=1.0,
    )


def _redis(measured: Measured, configured: Configured) -> Finding:
    limit, of = "Redis round trip", "requests/s, as far as this decides"
    needs = SLO[Figure.THROUGHPUT].bound
    if measured.redis_seconds is None:
        return _away(limit, of, needs, measured.redis_problem)
    return _judged(
        limit=limit,
        measured=_milliseconds(measured.redis_seconds),
        carries=math.floor(configured.web_threads / measured.redis_seconds),
        needs=needs,
        of=of,
        change="Bring Redis nearer: every request asks it once.",
    )


# --- Judging -----------------------------------------------------------------------------------


def _judged(
    *,
    limit: str,
    measured: str,
    carries: float,
    needs: float,
    of: str,
    change: str,
    tight_from: float = FULL[Metric.DEBATES],
) -> Finding:
    """`tight_from` is the share of what is carried from which it is."""
    status = Status.OK
    if needs > carries:
        status = Status.SHORT
    elif needs > carries * tight_from:
        status = Status.TIGHT
    return Finding(
        limit, measured, carries, needs, of, status, "" if status is Status.OK else change
    )


def _unknown(limit: str, of: str, needs: float, why: str = "not told here") -> Finding:
    return Finding(limit, why, None, needs, of, Status.UNKNOWN)


def _away(limit: str, of: str, needs: float, problem: str) -> Finding:
    """What does not answer carries nothing."""
    return Finding(limit, "no answer", 0, needs, of, Status.SHORT, problem)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
