"""What metrics and traces cost: CPU time of the server for a request, beside a server without them.

The same server with `ARAGORA_ENABLE_TELEMETRY` off, on, and on with a collector that takes every
span, in turns; and with a line in the log for every request. Requests come one at a time over one
connection.

    python -m loadtests.telemetry_cost [--requests N] [--runs N]

The exit code is 1 when a request costs more than its limit.
"""

from __future__ import annotations

import argparse
import os
import sys

from loadtests.support import Figure, milliseconds_of_requests, report, scratch_directory
from loadtests.support import scratch_environment as environment

PATHS = {"livez": "/livez", "leaderboard, API": "/api/v1/leaderboard"}
MOST_MILLISECONDS = {"metrics": 0.5, "metrics and traces": 0.8, "a line in the log": 0.4}
"""On top of a request without them."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    from tests.support.collector import Collector

    spent: dict[str, list[dict[str, float]]] = {}
    with scratch_directory() as directory, Collector() as collector:
        telemetry = {"ARAGORA_ENABLE_TELEMETRY": "true"}
        ways = {
            "off": {},
            "metrics": telemetry,
            "metrics and traces": {**telemetry, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
            "a line in the log": {"ARAGORA_LOG_REQUESTS": "all", "ARAGORA_LOG_LEVEL": "info"},
        }
        log = os.open(os.devnull, os.O_WRONLY)
        kept = os.dup(2)
        os.dup2(log, 2)  # The servers' lines.
        try:
            for _ in range(arguments.runs):
                for way, variables in ways.items():
                    env = environment(directory, **variables)
                    spent.setdefault(way, []).append(
                        milliseconds_of_requests(env, PATHS, arguments.requests)
                    )
        finally:
            os.dup2(kept, 2)
        taken = len(collector.spans)
    figures = []
    for name in PATHS:
        of = {way: [run[name] for run in runs] for way, runs in spent.items()}
        figures += [Figure(f"{name}, {way}", values, "ms CPU") for way, values in of.items()]
        for way, most in MOST_MILLISECONDS.items():
            pairs = list(zip(of["off"], of[way], strict=True))
            more = [with_it - without for without, with_it in pairs]
            figures.append(Figure(f"{name}, {way}: on top", more, "ms CPU", at_most=most))
            ratios = [with_it / without for without, with_it in pairs]
            figures.append(Figure(f"{name}, {way}: ratio", ratios, "x"))
    print(f"The collector took {taken} spans.")
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
