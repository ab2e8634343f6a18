"""The vectors of scopes that this process keeps at hand where pgvector has them: a byte a number.

pgvector takes half a millisecond to compare a thousand entries, and all instances share its
processors; to compare these takes a tenth of it. Of a scope its first entries are kept, in the
order of their keys, and with each search some more, until it is all of them: the database is asked
for the nearest of those alone that come after. Within a scope keys appear in their order, since
whoever writes there holds its lock.

The figures are right to about 0.003: they say whose vectors to look at, not how near those are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from memory.embeddings.base import DIMENSIONS, Vectors
from memory.versions import edition_of

MOST_KEPT_BYTES = 64 * 1024 * 1024
"""Of codes that this process keeps at hand, of all scopes together."""
BUSY = timedelta(minutes=1)
"""What was searched this lately does not make room for others: they would drive each other out."""
COMPARED_AT_ONCE = 1024
"""Codes that are made numbers together: no more than what a processor has closest to it."""
LEAST_ROOM = 64
"""Rows that are free for what is written next."""
BYTES_OF_ONE = DIMENSIONS + 8 + 4

Key = tuple[str, int, str]
"""The database, the scope and the embedder."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The first entries of a scope: the first `count` of rows that have room for some more."""

    count: int
    all_ids: NDArray[np.int64]
    all_rows: NDArray[np.int8]
    all_scales: NDArray[np.float32]
    version: int | None = None
    """Of the scope when these were all of it; None when some are missing."""
    edition: int = 0
    """Of these vectors."""
    checked_at: datetime | None = None
    """When it was last looked whether all of them are there still."""
    is_unchecked: bool = False
    """Whether others have written since, who may have removed some of them."""

    @property
    def ids(self) -> NDArray[np.int64]:
        return self.all_ids[: self.count]

    @property
    def last(self) -> int:
        """The key after which those come that are missing."""
        return int(self.all_ids[self.count - 1]) if self.count else 0

    @property
    def nbytes(self) -> int:
        return int(self.all_ids.nbytes + self.all_rows.nbytes + self.all_scales.nbytes)

    def figures(self, vector: Vectors) -> Vectors:
        """How near they are, about."""
        found = np.empty(self.count, dtype=np.float32)
        part = np.empty((COMPARED_AT_ONCE, DIMENSIONS), dtype=np.float32)
        for start in range(0, self.count, COMPARED_AT_ONCE):
            end = min(start + COMPARED_AT_ONCE, self.count)
            numbers = part[: end - start]
            numbers[:] = self.all_rows[start:end]
            np.dot(numbers, vector, out=found[start:end])
        found *= self.all_scales[: self.count]
        return found

    def followed_by(self, ids: NDArray[np.int64], vectors: Vectors) -> Codes:
        """With these, which come after those that are there. It shares the rows: whoever reads the
        one before looks no further than its count."""
        count = self.count + len(ids)
        if count > len(self.all_ids):
            return self._roomy(len(ids)).followed_by(ids, vectors)
        places = slice(self.count, count)
        scales = np.abs(vectors).max(axis=1, initial=1e-9) / 127
        self.all_ids[places] = ids
        self.all_rows[places] = np.rint(vectors / scales[:, None])
        self.all_scales[places] = scales
        return replace(self, count=count)

    def without(self, gone: Collection[int]) -> None:
        """Have nothing left of these. In place: a copy would cost more than the write that they
        went with."""
        wanted = np.fromiter(gone, dtype=np.int64)
        places = np.searchsorted(self.ids, wanted).clip(max=self.count - 1)
        places = places[self.ids[places] == wanted]
        self.all_rows[places] = 0
        self.all_scales[places] = 0.0

    def up_to_what_differs(self, ids: NDArray[np.int64], version: int, now: datetime) -> Codes:
        """Those before the first key that is missing here, less those that are not among `ids`,
        which are all that the scope has at that version."""
        missing = np.setdiff1d(ids[ids <= self.last], self.ids)
        kept = np.isin(self.ids, ids)
        if len(missing):
            kept &= self.ids < missing[0]
        checked = replace(
            self,
            version=version if int(kept.sum()) == len(ids) else None,
            checked_at=now,
            is_unchecked=False,
        )
        if kept.all():
            return checked
        return replace(
            checked,
            count=int(kept.sum()),
            all_ids=self.ids[kept],
            all_rows=self.all_rows[: self.count][kept],
            all_scales=self.all_scales[: self.count][kept],
        )

    def growth(self, needed: int) -> int:
        """The bytes that these take more with so many after them, at most."""
        count = self.count + needed
        if count <= len(self.all_ids):
            return 0
        return (self.count + self._room(needed)) * BYTES_OF_ONE - self.nbytes

    def _room(self, needed: int) -> int:
        """For an eighth more, and for as many as are needed."""
        return max((self.count + needed) // 8, LEAST_ROOM) + needed

    def _roomy(self, needed: int) -> Codes:
        """These, with room."""
        room = self._room(needed)
        erased = self.all_scales[: self.count] == 0.0
        kept = ~erased
        return replace(
            self,
            count=int(kept.sum()),
            all_ids=np.concatenate([self.ids[kept], np.zeros(room, dtype=np.int64)]),
            all_rows=np.concatenate(
                [self.all_rows[: self.count][kept], np.zeros((room, DIMENSIONS), dtype=np.int8)]
            ),
            all_scales=np.concatenate(
                [self.all_scales[: self.count][kept], np.zeros(room, dtype=np.float32)]
            ),
        )


NOTHING = Codes(
    0, np.zeros(0, np.int64), np.zeros((0, DIMENSIONS), np.int8), np.zeros(0, np.float32)
)


class CodeCache:
    """Codes by scope; the least recently used leave first. Thread-safe."""

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, Codes] = OrderedDict()
        self._used_at: dict[Key, datetime] = {}
        self._nbytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        return self._nbytes

    def get(self, key: Key, version: int, now: datetime) -> Codes:
        """What is at hand of a scope that is at that version. Vectors that have been made anew
        since are dropped."""
        with self._lock:
            known = self._kept.get(key, NOTHING)
            if known.count and known.edition != edition_of(version):
                self._drop(key)
                return NOTHING
            if known is not NOTHING:
                self._use(key, now)
            return known

    def admits(self, key: Key, count: int, now: datetime) -> bool:
        """Whether there is room for so many more of a scope, once what was not searched lately has
        left."""
        with self._lock:
            return self._makes_room(key, self._kept.get(key, NOTHING).growth(count), now)

    def put(self, key: Key, known: Codes, changed: Codes, now: datetime) -> Codes:
        """Keep what was left of `known`, unless somebody else was first; what is at hand then."""
        with self._lock:
            current = self._kept.get(key, NOTHING)
            return self._keep(key, changed, now) if current is known else current

    def extend(
        self,
        key: Key,
        known: Codes,
        ids: NDArray[np.int64],
        vectors: Vectors,
        *,
        version: int,
        is_all: bool,
        is_checked: bool,
        now: datetime,
    ) -> Codes:
        """Keep these after what is `known`, unless somebody else was first or there is no room;
        what is at hand then. They are of that version, and with them it may be all of it;
        `is_checked` says whether what is known was just compared with what there is."""
        with self._lock:
            current = self._kept.get(key, NOTHING)
            if current is not known or not self._makes_room(key, known.growth(len(ids)), now):
                return current
            changed = replace(
                known.followed_by(ids, vectors),
                version=version if is_all else None,
                edition=edition_of(version),
                checked_at=known.checked_at or now,
                is_unchecked=not is_checked,
            )
            return self._keep(key, changed, now)

    def follow(
        self, scope_id: int, *, before: int, after: int, added: Sequence[tuple[int, str, bytes]]
    ) -> None:
        """Take what is at hand of a scope from one version to the next; `added` are keys, embedders
        and vectors. What is of another version, or has no room for them, stays as it is, and is
        brought up to date when it is asked for."""
        with self._lock:
            for key in [key for key in self._kept if key[1] == scope_id]:
                known = self._kept.get(key, NOTHING)
                if known.version != before:
                    continue
                news = [
                    (pk, np.frombuffer(vector, dtype=np.float32))
                    for pk, embedder, vector in added
                    if embedder == key[2] and pk > known.last
                ]
                last_search = self._used_at[next(reversed(self._kept))]
                if not self._makes_room(key, known.growth(len(news)), last_search):
                    continue
                changed = known
                if news:
                    ids = np.array([pk for pk, _ in news], dtype=np.int64)
                    changed = known.followed_by(ids, np.stack([row for _, row in news]))
                self._replace(key, replace(changed, version=after))

    def erase(self, scope_id: int, ids: Collection[int]) -> None:
        """Have nothing of the vectors of these rows, which were in that scope."""
        if ids:
            with self._lock:
                for key, known in self._kept.items():
                    if key[1] == scope_id and known.count:
                        known.without(ids)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._used_at.clear()
            self._nbytes = 0

    def _makes_room(self, key: Key, wanted: int, now: datetime) -> bool:
        """Have others leave that were not searched lately, until there is room for so many bytes of
        a scope; whether there is."""
        while self._nbytes + wanted > self._most_bytes:
            # In the order of their use: where the first stays, all do.
            other = next((one for one in self._kept if one != key), None)
            if other is None or now - self._used_at[other] <= BUSY:
                return False
            self._drop(other)
        return True

    def _keep(self, key: Key, changed: Codes, now: datetime) -> Codes:
        self._replace(key, changed)
        self._use(key, now)
        return changed

    def _replace(self, key: Key, changed: Codes) -> None:
        self._nbytes += changed.nbytes - self._kept.get(key, NOTHING).nbytes
        self._kept[key] = changed

    def _use(self, key: Key, now: datetime) -> None:
        self._kept.move_to_end(key)
        self._used_at[key] = now

    def _drop(self, key: Key) -> None:
        self._nbytes -= self._kept.pop(key).nbytes
        del self._used_at[key]
