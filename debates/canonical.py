"""Canonical JSON (RFC 8785): one text for each value, so that whoever has the value can digest it.

Numbers are doubles, written as ECMAScript writes them; names are sorted by their UTF-16 code
units. So it makes no difference which program read and wrote a value in between, or that one gives
back 1.0 where another has 1. A value has each name once; `unique_names` is for reading. Pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

MOST_EXACT = 2**53
"""Up to here a double holds every whole number."""
_EXPONENT = re.compile(r"e([+-])0*")
_SHOWN = 40
"""Characters of a name that an error shows."""


class NameTwice(ValueError):
    """An object of JSON has a name twice, so that programs may read different values from it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"An object has the name {json.dumps(name[:_SHOWN])} twice.")


def unique_names(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The `object_pairs_hook` that refuses what JSON leaves open (RFC 8259, section 4). Raises
    `NameTwice`."""
    value: dict[str, Any] = {}
    for name, inner in pairs:
        if name in value:
            raise NameTwice(name)
        value[name] = inner
    return value


def canonical_json(value: Any) -> bytes:
    """The value, of what JSON knows, as canonical JSON in UTF-8. Raises `ValueError` for a number
    that is none and for what is nested too deeply, `TypeError` for what JSON does not know."""
    try:
        text = _text(value)
    except RecursionError as error:
        raise ValueError("The value is nested too deeply.") from error
    # Half of a surrogate pair is no text, but a log may hold one.
    return text.encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            return _whole(value)
        case float():
            return _number(value)
        case Mapping():
            names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
            return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in names) + "}"
        case Sequence():
            return "[" + ",".join(map(_text, value)) + "]"
    raise TypeError(f"{type(value).__name__} is not of JSON")


def _whole(number: int) -> str:
    if abs(number) <= MOST_EXACT:
        return str(number)
    try:
        return _number(float(number))
    except OverflowError as error:
        raise ValueError("A number of JSON is finite.") from error


def _number(number: float) -> str:
    """As `Number.prototype.toString` of ECMAScript; Python's `repr` has the same digits."""
    if not math.isfinite(number):
        raise ValueError("A number of JSON is finite.")
    if number == 0:
        return "0"
    if 1e-6 <= abs(number) < 1e21:
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    return _EXPONENT.sub(r"e\1", repr(number)).replace(".0e", "e")
