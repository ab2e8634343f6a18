"""Reads `/metrics` as Prometheus does."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Scrape:
    """What one process said."""

    samples: dict[str, dict[Labels, float]]

    def sum(self, name: str, **labels: str) -> float:
        """Of the series of that name that have these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(
            value for found, value in self.samples.get(name, {}).items() if wanted <= set(found)
        )

    def values_of(self, name: str, label: str) -> set[str]:
        """What stands in a label of the series of that name."""
        return {dict(found)[label] for found in self.samples[name]}


def scrape(address: str) -> Scrape:
    """Of the process at `http://host:port`."""
    answer = httpx.get(f"{address}/metrics", timeout=10).raise_for_status()
    samples: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        # A family that is there without a figure has its name all the same.
        samples.setdefault(family.name, {})
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return Scrape(samples)
