"""The figures of this process for Prometheus; the other packages declare theirs in `metrics`, too.

Every process is scraped by itself: a server at its own address, a worker at a port of its own. So a
sum over processes is a sum over targets, a dead one takes its gauges along, and a restart is what
`rate()` expects. What is one figure for the whole installation, because it is read from the
database, says so: take the `max` of it.

No names and ids as labels: their number has no bound, and they are nobody's business.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import ThreadingHTTPServer

from django.db import connections
from prometheus_client import (
    REGISTRY,
    Gauge,
    Histogram,
    MetricsHandler,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitoring.health import DependencyStatus, check_health
from monitoring.machine import memory_in_use
from monitoring.probes import Probe

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Seconds. The limits of the service level are among them: 0.2, 0.5, 2 and 5."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "(none)"
"""Of what was answered before an address was looked up, or leads nowhere."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # A series more for each, which no rule reads.

REQUEST_SECONDS = Histogram(
    "aragora_api_request_duration_seconds",
    "From when a request was here in full until its answer was made, the wait for a thread "
    "included. Without probes and streams.",
    ["method", "route", "status"],
    buckets=BUCKETS,
)
MEMORY = Gauge(
    "aragora_memory_usage_ratio",
    "Memory in use, as a share of what the container may have, or else the machine has.",
)
MEMORY.set_function(memory_in_use)

_observers: dict[tuple[str, str, int], Callable[[float], None]] = {}


def observe_request(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer. `route` is the pattern of the address, never the address; its slash in front
    is added."""
    key = (method if method in METHODS else "other", route, status)
    observe = _observers.get(key)
    if observe is None:
        shown = route if route == NO_ROUTE else f"/{route}"
        child = REQUEST_SECONDS.labels(key[0], shown, f"{status // 100}xx")
        observe = _observers[key] = child.observe
    observe(seconds)


# --- What has to be asked ----------------------------------------------------------------------

Read = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class _Reading:
    documentation: str
    label: str
    probe: Probe[Mapping[str, float]]


_readings: dict[str, _Reading] = {}


def register_reading(name: str, documentation: str, read: Read, *, label: str = "") -> None:
    """Let `read` answer for a gauge when Prometheus asks: its values by the value of `label`, or by
    an empty text. It may use the database, fail and hang; then there is no figure."""

    def ask() -> Mapping[str, float]:
        connection = connections["default"]
        connection.close_if_unusable_or_obsolete()
        try:
            return read()
        finally:
            connection.close_if_unusable_or_obsolete()

    _readings[name] = _Reading(documentation, label, Probe(name, ask))


class _Readings(Collector):
    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: otherwise it would be asked when it is registered."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        under_way = [(name, known, known.probe.start()) for name, known in _readings.items()]
        yield _dependencies()
        for name, known, asked in under_way:
            family = GaugeMetricFamily(
                name, known.documentation, labels=[known.label] if known.label else []
            )
            for value, figure in (asked.wait() or {}).items():
                family.add_metric([value] if known.label else [], figure)
            yield family


def _dependencies() -> GaugeMetricFamily:
    health = check_health()
    family = GaugeMetricFamily(
        "aragora_dependency_up",
        "Whether this process can work with what it needs (1); nothing where there is none.",
        labels=["dependency"],
    )
    for name, status in (("database", health.database), ("redis", health.redis)):
        if status != DependencyStatus.NOT_CONFIGURED:
            family.add_metric([name], float(status == DependencyStatus.CONNECTED))
    return family


REGISTRY.register(_Readings())


# --- For processes that serve nothing else -----------------------------------------------------


def serve_metrics(*, host: str, port: int, is_alive: Callable[[], bool]) -> int:
    """Answer Prometheus at an address of this process's own, on threads, and `/livez` by
    `is_alive`; the port, which is a free one for 0. Raises OSError where it cannot be listened
    on."""

    class Handler(MetricsHandler):
        def do_GET(self) -> None:
            if self.path != "/livez":
                super().do_GET()
                return
            alive = is_alive()
            content = b'{"status": "alive"}' if alive else b'{"status": "stuck"}'
            self.send_response(HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    server = Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_port)
