"""The nearest vectors of a table: by pgvector where its column is one, else exactly, with numpy.

Both see only rows of the scopes that are named. The exact search keeps the vectors of a scope at
hand, and knows by the scope's version whether they are current.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model, QuerySet
from numpy.typing import NDArray

from memory.embeddings.base import DIMENSIONS, Vectors
from memory.fields import as_text, is_native, native_type

MOST_KEPT_BYTES = 64 * 1024 * 1024
"""Of vectors that this process keeps at hand, of all scopes together."""
EXPLORED = 100
"""HNSW's ef_search: candidates that it looks at, at least."""
BATCH = 40
LOADED_AT_ONCE = 2000
LEAST_ROOM = 64
"""Rows that a matrix has free for what is written next."""

Found = dict[int, float]
"""Similarity by primary key, the nearest first."""


def nearest_native(rows: QuerySet[Any], vector: Vectors, *, limit: int) -> Found:
    """The nearest of `rows`, by the index of pgvector, which goes on looking until enough of them
    pass the conditions of `rows`. Keys may be of any type."""
    with exploring(rows.db, limit):
        ordered = nearest_first(rows, as_text(vector.tobytes()))
        found = list(ordered.values_list("pk", "distance")[:limit])
    return {pk: -distance for pk, distance in sorted(found, key=lambda row: row[1])}


@contextmanager
def exploring(using: str, limit: int) -> Iterator[None]:
    """A transaction in which pgvector's index looks for so many until it has them; in nearly the
    order of their distance."""
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            # For this transaction only: a pooler may give the connection to somebody else.
            cursor.execute(
                "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), "
                "set_config('hnsw.ef_search', %s, true)",
                [str(max(EXPLORED, limit))],
            )
        yield


def nearest_first(rows: QuerySet[Any], vector: str) -> QuerySet[Any]:
    """The rows by their `distance` to a vector, which is given as pgvector reads it."""
    from django.db.models import FloatField
    from django.db.models.expressions import RawSQL

    table = rows.model._meta.db_table
    distance = RawSQL(  # noqa: S611 (the table's name is the model's)
        f'"{table}"."vector" <#> %s::{native_type(rows.db, table, "vector")}',
        [vector],
        output_field=FloatField(),
    )
    ordered: QuerySet[Any] = rows.annotate(distance=distance).order_by("distance")
    return ordered


def nearest_exact(
    parts: Iterable[Matrix],
    vector: Vectors,
    allowed: Callable[[list[int]], Iterable[int]],
    *,
    limit: int,
    least: float,
) -> Found:
    """The nearest among the vectors of `parts` that `allowed` lets pass, down to a similarity of
    `least`. `allowed` is asked for a batch at a time, the nearest first."""
    found: Found = {}
    for ids, figures in _by_nearness(parts, vector, least, min(BATCH, 2 * limit)):
        batch = [int(key) for key in ids]
        passed = set(allowed(batch))
        found |= {
            key: float(figure) for key, figure in zip(batch, figures, strict=True) if key in passed
        }
        if len(found) >= limit:
            break
    return dict(list(found.items())[:limit])


def _by_nearness(
    parts: Iterable[Matrix], vector: Vectors, least: float, size: int
) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
    ids_of, figures_of = [], []
    for part in parts:
        figures = part.vectors @ vector
        near = np.flatnonzero(figures >= least)
        ids_of.append(part.ids[near])
        figures_of.append(figures[near])
    if not ids_of:
        return
    ids, figures = np.concatenate(ids_of), np.concatenate(figures_of)
    while len(ids):
        # The best of what is left, without ordering the rest.
        count = min(size, len(ids))
        best = np.argpartition(-figures, count - 1)[:count]
        best = best[np.argsort(-figures[best], kind="stable")]
        yield ids[best], figures[best]
        ids, figures = np.delete(ids, best), np.delete(figures, best)
        size *= 4


# --- Vectors at hand ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Matrix:
    """The vectors of one scope: the first `count` of rows that have room for some more."""

    version: int
    count: int
    all_ids: NDArray[np.int64]
    all_vectors: Vectors

    @property
    def ids(self) -> NDArray[np.int64]:
        return self.all_ids[: self.count]

    @property
    def vectors(self) -> Vectors:
        return self.all_vectors[: self.count]

    @property
    def nbytes(self) -> int:
        return int(self.all_ids.nbytes + self.all_vectors.nbytes)

    def followed_by(self, version: int, added: Sequence[tuple[int, bytes]]) -> Matrix:
        """The next version, with keys that come after those that are there. It shares the rows:
        whoever reads this one looks no further than its count."""
        count = self.count + len(added)
        if count > len(self.all_ids):
            kept = self.vectors.any(axis=1)
            grown = _roomy(self.version, self.ids[kept], self.vectors[kept], least=len(added))
            return grown.followed_by(version, added)
        for place, (key, vector) in enumerate(added, start=self.count):
            self.all_ids[place] = key
            self.all_vectors[place] = np.frombuffer(vector, dtype=np.float32)
        return Matrix(version, count, self.all_ids, self.all_vectors)

    def last(self, count: int) -> Matrix:
        """Its last rows alone."""
        return _roomy(self.version, self.ids[-count:], self.vectors[-count:])


def matrix_of(rows: Sequence[tuple[int, bytes]]) -> Matrix:
    """A matrix of keys, in ascending order, and vectors; its version is the last key."""
    ids = np.fromiter((key for key, _ in rows), dtype=np.int64, count=len(rows))
    vectors = np.zeros((len(rows), DIMENSIONS), dtype=np.float32)
    for place, (_, vector) in enumerate(rows):
        vectors[place] = np.frombuffer(vector, dtype=np.float32)
    return _roomy(int(ids[-1]) if rows else 0, ids, vectors)


def _roomy(version: int, ids: NDArray[np.int64], vectors: Vectors, *, least: int = 0) -> Matrix:
    """These, with room for an eighth more, and for `least`."""
    count = len(ids)
    room = max(count // 8 + LEAST_ROOM, least)
    all_ids = np.concatenate([ids, np.zeros(room, dtype=np.int64)])
    all_vectors = np.concatenate([vectors, np.zeros((room, DIMENSIONS), dtype=np.float32)])
    return Matrix(version, count, all_ids, all_vectors)


class MatrixCache:
    """Matrices by scope; the least recently used leave first. Thread-safe."""

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Any, Matrix] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        key: Any,
        *,
        version: int,
        ids: Callable[[], Iterable[int]],
        load: Callable[[list[int]], Mapping[int, bytes]],
    ) -> Matrix:
        """The matrix at a version. When it is another, `ids` tells what there is now, and `load` is
        asked for the vectors of what is new."""
        with self._lock:
            known = self._kept.get(key)
            if known is not None and known.version == version:
                self._kept.move_to_end(key)
                return known
        made = _made(known, version, np.fromiter(ids(), dtype=np.int64), load)
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self.nbytes > self._most_bytes:
                self._kept.popitem(last=False)
            if self.nbytes > self._most_bytes:
                self._kept.clear()
        return made

    def follow(
        self, scope_id: int, *, before: int, after: int, added: Sequence[tuple[int, str, bytes]]
    ) -> None:
        """Take the matrices of a scope from one version to the next, so that they need not be made
        anew; `added` are keys, embedders and vectors. Those of another version stay as they are,
        and are brought up to date when they are asked for."""
        with self._lock:
            for key, known in self._kept.items():
                if key[1] == scope_id and known.version == before:
                    news = [(pk, vector) for pk, embedder, vector in added if embedder == key[2]]
                    self._kept[key] = known.followed_by(after, news)

    def erase(self, ids: Collection[int]) -> None:
        """Have nothing of the vectors of these rows in any matrix. In place: a copy would cost more
        than the write that they went with."""
        if not ids:
            return
        gone = np.fromiter(ids, dtype=np.int64)
        with self._lock:
            for matrix in self._kept.values():
                matrix.vectors[np.isin(matrix.ids, gone)] = 0.0

    @property
    def nbytes(self) -> int:
        return sum(matrix.nbytes for matrix in self._kept.values())

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def _made(
    known: Matrix | None,
    version: int,
    ids: NDArray[np.int64],
    load: Callable[[list[int]], Mapping[int, bytes]],
) -> Matrix:
    rows = np.zeros((len(ids), DIMENSIONS), dtype=np.float32)
    missing = np.ones(len(ids), dtype=bool)
    if known is not None and len(known.ids) and len(ids):
        # Both are in ascending order.
        places = np.searchsorted(known.ids, ids).clip(max=len(known.ids) - 1)
        there = known.ids[places] == ids
        rows[there] = known.vectors[places[there]]
        missing = ~there
    wanted = np.flatnonzero(missing)
    for start in range(0, len(wanted), LOADED_AT_ONCE):
        part = wanted[start : start + LOADED_AT_ONCE]
        loaded = load([int(key) for key in ids[part]])
        for place in part:
            vector = loaded.get(int(ids[place]))
            if vector:
                rows[place] = np.frombuffer(vector, dtype=np.float32)
    return _roomy(version, ids, rows)


def is_indexed(model: type[Model], using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether pgvector searches the rows of this model."""
    return is_native(using, model._meta.db_table, "vector")
