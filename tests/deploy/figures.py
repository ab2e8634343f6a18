"""The names of figures, as expressions ask for them and as processes show them."""

from __future__ import annotations

import re

_QUOTED = re.compile(r'"[^"]*"')
_NAME = re.compile(r"\b(aragora[_:][\w:]+|process_\w+|python_\w+|up)\b")
_OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def names_in(expression: str) -> set[str]:
    """The series that an expression asks for, those that rules make included."""
    return set(_NAME.findall(_QUOTED.sub('""', expression)))


def figures_of(samples: frozenset[str] | set[str]) -> set[str]:
    """The figures to which these series belong: a histogram has three."""
    return {_OF_A_HISTOGRAM.sub("", sample) for sample in samples}
