"""What was made last, so that it need not be made again: bounded, and callable from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The newest so many values by their keys. For values that are right for as long as their key
    is: nothing grows old here."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[K, V] = {}
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of the key, made where it is not here. Two threads may make it at once."""
        try:
            return self._values[key]
        except KeyError:
            return self.put(key, make())

    def find(self, key: K) -> V | None:
        return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep the value, and drop the oldest where there are too many."""
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._most:
                del self._values[next(iter(self._values))]
        return value
