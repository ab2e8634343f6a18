"""The figures of debates, models and the stream for Prometheus.

Those of the queue and of the memory are read from the database (`debates.apps`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from debates.choices import TERMINAL_STATUSES
from debates.engine.types import Usage

M = TypeVar("M", bound=MetricWrapperBase)

ACTIVE = Gauge("aragora_debates_active", "Debates that this process is running.")
PLACES = Gauge(
    "aragora_debate_places",
    "Debates that this process runs at once; 0 while it leaves that to workers.",
)
CAPACITY = Gauge(
    "aragora_capacity_ratio", "The share of its places that this process has taken, from 0 to 1."
)
ENDED = Counter(
    "aragora_debates_total", "Debates that ended, by the status in which they did.", ["status"]
)
AGENT_SECONDS = Histogram(
    "aragora_agent_response_time_seconds",
    "How long a request to a model took, by its provider and how it ended.",
    ["provider", "outcome"],
    buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0),
)
TOKENS = Counter(
    "aragora_model_tokens_total",
    "Tokens that models were sent and made, those of failed requests included.",
    ["provider", "direction"],
)
COST = Counter(
    "aragora_model_cost_usd_total",
    "What they cost, in US dollars, as far as prices are known.",
    ["provider"],
)
SOCKETS = Gauge("aragora_websocket_connections", "Sockets that are open at this process.")
STREAMS = Gauge("aragora_event_streams", "Event streams over HTTP that this process holds.")
ROOM = Gauge("aragora_websocket_limit", "Sockets and streams that this process holds at most.")
CLOSES = Counter(
    "aragora_websocket_closes_total",
    "Sockets that ended, by their close code; lost: the client was gone without one.",
    ["code"],
)
REFUSED = Counter(
    "aragora_websocket_refusals_total", "Sockets that were not let in, by the reason.", ["reason"]
)
CLOSE_CODES = frozenset(
    {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4003, 4029, 4401}
)
"""Codes with a name of their own: a client may send any from 3000 to 4999."""
LOST = frozenset({1005, 1006})
"""uvicorn says 1005 of a client that was just gone."""
OK, CANCELLED = "ok", "cancelled"

for _status in TERMINAL_STATUSES:
    ENDED.labels(_status.value)  # A counter that begins with its first event hides it.
for _code in CLOSE_CODES:
    CLOSES.labels(str(_code))
CLOSES.labels("lost")


@lru_cache(maxsize=256)
def _child(metric: M, *labels: str) -> M:
    """The metric of these labels; to find it takes longer than to count."""
    return metric.labels(*labels)


def show_places(running: Callable[[], int], places: Callable[[], int]) -> None:
    """Let these answer for the debates of this process."""
    ACTIVE.set_function(running)
    PLACES.set_function(places)
    CAPACITY.set_function(lambda: running() / places() if places() else 0.0)


def count_ends(statuses: Iterable[str]) -> None:
    """Count debates that have ended in these statuses."""
    for status in statuses:
        ENDED.labels(status).inc()


def count_request(*, provider: str, outcome: str, seconds: float) -> None:
    """Count a request to a model: `ok`, `cancelled`, or the code of its error."""
    _child(AGENT_SECONDS, provider, outcome).observe(seconds)


def count_usage(*, provider: str, usage: Usage, cost_usd: float) -> None:
    """Count what a request used."""
    _child(TOKENS, provider, "input").inc(usage.input_tokens)
    _child(TOKENS, provider, "output").inc(usage.output_tokens)
    _child(COST, provider).inc(cost_usd)


def count_close(code: int) -> None:
    """Count a socket that has ended."""
    if code in LOST:
        CLOSES.labels("lost").inc()
    else:
        # daphne's codes are those of the protocol, and 3000 more (`outlet.send_close`).
        known = code - 3000 if 4012 <= code <= 4013 else code
        CLOSES.labels(str(known) if known in CLOSE_CODES else "other").inc()
