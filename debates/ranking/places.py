"""Ties in a ranking whose figures are not certain. Pure: no Django."""

from collections.abc import Sequence


def places(intervals: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """The best and the worst place that each may hold: whoever's interval lies above is better,
    whoever's lies below is worse, and all whose intervals overlap are tied."""
    return [
        (
            1 + sum(other_low > high for other_low, _ in intervals),
            len(intervals) - sum(other_high < low for _, other_high in intervals),
        )
        for low, high in intervals
    ]
