"""A checksum of rows that is the same on every database that holds the same rows. Pure.

What databases write differently is written in one way first: JSON objects have no order, 1 and 1.0
are the same number, and decimals have no trailing zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

_MODULUS = 1 << 128


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of any number of rows, in whatever order they came."""

    rows: int = 0
    sum: int = 0

    def with_rows(self, rows: Iterable[Iterable[Any]]) -> Checksum:
        count, total = self.rows, self.sum
        for row in rows:
            digest = hashlib.blake2b(_encode(row), digest_size=16).digest()
            count += 1
            total += int.from_bytes(digest, "big")
        return Checksum(count, total % _MODULUS)


def _encode(row: Iterable[Any]) -> bytes:
    # A lone surrogate can be stored in SQLite; it must not stop the comparison.
    return json.dumps([_plain(value) for value in row], separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return ["n", str(value)]
        case float():
            return ["n", str(int(value)) if value.is_integer() else repr(value)]
        case Decimal():
            return ["d", format(value.normalize(), "f") if value else "0"]
        case datetime():
            return ["t", value.astimezone(UTC).isoformat()]
        case date() | time():
            return ["t", value.isoformat()]
        case timedelta():
            return ["s", str(value // timedelta(microseconds=1))]
        case UUID():
            return ["u", value.hex]
        case bytes() | bytearray() | memoryview():
            return ["b", bytes(value).hex()]
        case dict():
            items = [[str(key), _plain(value[key])] for key in sorted(value, key=str)]
            return ["o", items]
        case list() | tuple():
            return ["l", [_plain(item) for item in value]]
    if hasattr(value, "tolist"):  # Embeddings.
        return _plain(value.tolist())
    raise TypeError(f"no checksum is defined for {type(value).__name__}")
