"""Embeddings that were made already: so many, and for so long."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from memory.embeddings.base import Vectors

Key = bytes


class EmbeddingCache:
    """The least recently used leave first. Holds no text, only digests of it. Thread-safe."""

    def __init__(
        self, *, size: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`size` 0 keeps nothing."""
        self._size = size
        self._ttl = ttl_seconds
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, Vectors]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Vectors | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None and self._clock() - found[0] >= self._ttl:
                del self._kept[key]
                found = None
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._kept.move_to_end(key)
            return found[1]

    def put(self, key: Key, vector: Vectors) -> None:
        """`vector` is one row."""
        with self._lock:
            # A copy: a view would keep the whole batch that it is a row of.
            self._kept[key] = (self._clock(), vector.copy())
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def discard(self, key: Key) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def key_of(embedder: str, text: str) -> Key:
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=16, person=b"embedding")
    digest.update(embedder.encode())
    return digest.digest()
