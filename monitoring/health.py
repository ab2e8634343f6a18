"""How this instance is, within a fixed time, whatever is broken behind it.

What may hang is asked on threads of its own (`monitoring.probes`).
"""

import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connections

from monitoring.conditions import Condition, conditions
from monitoring.gauges import ACTIVE_DEBATES, WEBSOCKET_CONNECTIONS, read_gauge
from monitoring.probes import DEADLINE_SECONDS, Probe
from monitoring.replica import replica

if TYPE_CHECKING:
    import redis

_STARTED = time.monotonic()
_draining = threading.Event()
_read_only = threading.Event()


class HealthStatus(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It works, without something that it could do without."""
    UNHEALTHY = "unhealthy"


class DependencyStatus(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    READ_ONLY = "read-only"
    """It answers, and takes nothing: its disk is full, or somebody has made it so."""
    NOT_CONFIGURED = "not configured"


@dataclass(frozen=True, slots=True)
class Health:
    """What `GET /api/health` says; the fields are its keys, in order."""

    status: HealthStatus
    version: str
    uptime_seconds: int
    active_debates: int | None
    """None when it could not be counted in time."""
    websocket_connections: int | None
    database: DependencyStatus
    redis: DependencyStatus

    @property
    def http_status(self) -> HTTPStatus:
        """503 takes the instance out of the load balancer; a degraded one stays in."""
        unhealthy = self.status == HealthStatus.UNHEALTHY
        return HTTPStatus.SERVICE_UNAVAILABLE if unhealthy else HTTPStatus.OK


def begin_draining() -> None:
    """From now on this instance says that it is going away."""
    _draining.set()


def end_draining() -> None:
    """Take `begin_draining` back."""
    _draining.clear()


def is_draining() -> bool:
    return _draining.is_set()


def note_writes(*, work: bool) -> None:
    """Whoever writes regularly says whether that worked: a check that asks cannot see it."""
    if work:
        _read_only.clear()
    else:
        _read_only.set()


def check_health(*, deadline_seconds: float = DEADLINE_SECONDS) -> Health:
    """Ask everything at once; whatever has not answered at the deadline counts as gone."""
    under_way = [probe.start() for probe in _PROBES]
    answers = {asked.name: asked.wait(deadline_seconds) for asked in under_way}
    database = _dependency(answers["database"])
    if database == DependencyStatus.CONNECTED and _read_only.is_set():
        database = DependencyStatus.READ_ONLY
    redis_status = _dependency(answers["redis"])
    active, sockets = answers[ACTIVE_DEBATES], answers[WEBSOCKET_CONNECTIONS]
    if database != DependencyStatus.CONNECTED or is_draining():
        status = HealthStatus.UNHEALTHY
    elif (
        redis_status == DependencyStatus.DISCONNECTED
        or active is None
        or sockets is None
        or any(condition.degrades for condition in conditions.known())
    ):
        status = HealthStatus.DEGRADED
    else:
        status = HealthStatus.HEALTHY
    return Health(
        status=status,
        version=settings.ARAGORA_VERSION,
        uptime_seconds=int(time.monotonic() - _STARTED),
        active_debates=active if isinstance(active, int) else None,
        websocket_connections=sockets if isinstance(sockets, int) else None,
        database=database,
        redis=redis_status,
    )


def forget_answers() -> None:
    """Let the next check ask everything again."""
    for probe in _PROBES:
        probe.forget()


def is_ready(*, deadline_seconds: float = DEADLINE_SECONDS) -> bool:
    """Whether to send this instance new requests: its database answers and it is not leaving."""
    if is_draining():
        return False
    answer = _DATABASE.start().wait(deadline_seconds)
    return _dependency(answer) == DependencyStatus.CONNECTED


# --- Probes ------------------------------------------------------------------------------------

Answer = DependencyStatus | int | None


def _dependency(answer: Answer) -> DependencyStatus:
    return answer if isinstance(answer, DependencyStatus) else DependencyStatus.DISCONNECTED


def _ask_database() -> Answer:
    connection = connections["default"]
    # A connection that broke, or whose lifetime is over, is not asked again.
    connection.close_if_unusable_or_obsolete()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close_if_unusable_or_obsolete()
    return DependencyStatus.CONNECTED


def _ask_redis() -> Answer:
    url = settings.ARAGORA.redis_url
    if not url:
        return DependencyStatus.NOT_CONFIGURED
    _redis(url).ping()
    return DependencyStatus.CONNECTED


@cache
def _redis(url: str) -> "redis.Redis":
    # Most installations have none, and the client is slow to import.
    import redis

    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _ask_gauge(name: str) -> Answer:
    try:
        return read_gauge(name)
    finally:
        connections["default"].close_if_unusable_or_obsolete()


_DATABASE = Probe[Answer]("database", _ask_database)
_REDIS = Probe[Answer]("redis", _ask_redis)
_PROBES = (
    _DATABASE,
    _REDIS,
    Probe[Answer](ACTIVE_DEBATES, lambda: _ask_gauge(ACTIVE_DEBATES)),
    Probe[Answer](WEBSOCKET_CONNECTIONS, lambda: _ask_gauge(WEBSOCKET_CONNECTIONS)),
)


# --- Conditions --------------------------------------------------------------------------------


def _is_leaving() -> Condition | None:
    if not is_draining():
        return None
    return Condition(
        "draining",
        "This server is about to stop. Pages connect again by themselves, and debates go on.",
        "It drains: new sockets are refused, and its debates are handed back.",
    )


def _is_read_only() -> Condition | None:
    if not _read_only.is_set():
        return None
    return Condition(
        "read_only",
        "Nothing can be stored at the moment: what is there can be read.",
        "The last write of this process failed. Look at the database's disk and at its log.",
    )


def _redis_is_away() -> Condition | None:
    if _dependency(_REDIS.start().wait()) != DependencyStatus.DISCONNECTED:
        return None
    return Condition(
        "redis",
        "Words of agents may come late, a whole answer at a time. Debates go on.",
        "Redis does not answer. Events come from the database; each instance limits and caches by "
        "itself.",
    )


def _replica_is_away() -> Condition | None:
    if not (trouble := replica.trouble):
        return None
    return Condition(
        "replica", "", f"The read replica is not used: {trouble}. The primary answers."
    )


conditions.register(_is_leaving, "draining")
conditions.register(_is_read_only, "read_only")
conditions.register(_redis_is_away, "redis")
conditions.register(_replica_is_away, "replica")
