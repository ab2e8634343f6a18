"""What figures for Prometheus cost: to count a request, a model call and a socket, and a scrape.

CPU time of one thread in this process, on a scratch database; a scrape has as many series as a
server that has answered on every one of 150 routes.

    python -m loadtests.metrics_cost [--runs N]

The exit code is 1 when a figure is above its limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

from loadtests.support import Figure, report, scratch_directory, scratch_environment

ROUTES = 150
COUNTS = 20_000
SCRAPES = 20


def microseconds(work: Callable[[], object], times: int) -> float:
    """CPU time of the process for one of them."""
    work()
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times * 1e6


def measure(runs: int) -> list[Figure]:
    import django

    django.setup()
    from prometheus_client import generate_latest

    from debates import metrics
    from debates.engine.types import Usage
    from monitoring.metrics import observe_request

    for number in range(ROUTES):
        for status in (200, 404):
            route = f"api/v1/{number}/<str:reference>"
            observe_request(method="GET", route=route, status=status, seconds=0.01)
    usage = Usage(100, 50)

    def request() -> None:
        route = "api/v1/7/<str:reference>"
        observe_request(method="GET", route=route, status=200, seconds=0.01)

    def model_call() -> None:
        metrics.count_request(provider="anthropic", outcome="ok", seconds=1.0)
        metrics.count_usage(provider="anthropic", usage=usage, cost_usd=0.01)

    def repeated(work: Callable[[], object], times: int) -> list[float]:
        return [microseconds(work, times) for _ in range(runs)]

    scrapes = [value / 1000 for value in repeated(generate_latest, SCRAPES)]
    size = len(generate_latest()) / 1000
    return [
        Figure("counting a request", repeated(request, COUNTS), "µs", at_most=10),
        Figure("counting a model call", repeated(model_call, COUNTS), "µs", at_most=50),
        Figure(
            "counting the end of a socket",
            repeated(lambda: metrics.count_close(1001), COUNTS),
            "µs",
            at_most=10,
        ),
        Figure(f"a scrape, {ROUTES} routes", scrapes, "ms", at_most=200),
        Figure("its size", [size], "KB"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with scratch_directory() as directory:
        os.environ.clear()
        os.environ |= scratch_environment(directory)
        os.environ["DJANGO_SETTINGS_MODULE"] = "aragora_site.settings"
        return report(measure(options.runs))


if __name__ == "__main__":
    sys.exit(main())
