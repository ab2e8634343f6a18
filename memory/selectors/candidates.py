"""The entries that a search is about: what may be found, and what of it says which are the hits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BinaryField, BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from aragora_site.kept import kept
from memory.fields import NATIVE, native_type
from memory.indexes import TABLE
from memory.models import Entry, Kind, Scope
from memory.scopes import Reader
from memory.selectors.mentions import by_words, newest_mentioning
from memory.tiers import Tier
from memory.words import coverage

if TYPE_CHECKING:
    from memory.embeddings.base import Vectors

POOL = 30
"""Candidates of each ranking."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What may be found."""

    tiers: Collection[Tier] = ()
    """Empty: all of them."""
    kinds: Collection[Kind] = ()
    min_importance: float = 0.0
    not_of_debate: UUID | None = None


class Sought(NamedTuple):
    """What may be found, as the queries below are given it."""

    now: datetime
    public_only: bool
    tiers: tuple[Tier, ...]
    kinds: tuple[Kind, ...]
    min_importance: float | None
    not_of_debate: UUID | None
    scopes: tuple[int, ...]

    def condition(self) -> Q:
        wanted = Q(expires_at=None) | Q(expires_at__gt=self.now)
        if self.public_only:
            wanted &= Q(is_public=True)
        if self.tiers:
            wanted &= Q(tier__in=self.tiers)
        if self.kinds:
            wanted &= Q(kind__in=self.kinds)
        if self.min_importance is not None:
            wanted &= Q(importance__gte=self.min_importance)
        if self.not_of_debate is not None:
            wanted &= ~Q(debate_id=self.not_of_debate) | Q(debate_id=None)
        return wanted & Q(scope__in=self.scopes)


def sought(only: Filter, *, reader: Reader, scopes: Collection[int], now: datetime) -> Sought:
    """What a reader may find in these scopes, which are theirs."""
    return Sought(
        now=now,
        public_only=reader.public_only,
        tiers=tuple(sorted(only.tiers)),
        kinds=tuple(sorted(only.kinds)),
        min_importance=only.min_importance if only.min_importance > 0 else None,
        not_of_debate=only.not_of_debate,
        scopes=tuple(sorted(scopes)),
    )


class Candidates:
    """The entries that the rankings name, as far as they are visible and what of them says which
    are the hits. Each is looked up once; the rest of the hits alone is loaded."""

    def __init__(self, sought: Sought, query: str) -> None:
        self.query = query
        self.sought = sought
        self._type = _type_of_vectors()
        self._expected: set[int] = set()
        self._asked: set[int] = set()
        self._rows: dict[int, tuple[str, str, bytes | None]] = {}
        self._vectors: dict[int, Vectors] = {}
        self._covered: dict[int, float] = {}

    @property
    def is_native(self) -> bool:
        """Whether pgvector searches them."""
        return self._type in NATIVE

    def by_words(self) -> Iterator[list[int]]:
        """The keys of what mentions the words of the query, best first; elsewhere than on
        PostgreSQL they may not be visible."""
        newest = partial(_mentioning.statement, *self.sought)
        return by_words(newest, self.sought.scopes, self.query, at_once=POOL + 10)

    def similar(self, keys: Collection[int], vector: Vectors) -> dict[int, float]:
        """How similar those of these that are visible are to a vector."""
        import numpy as np

        passing = self.passing(keys)
        rows = {key: self._vectors[key] for key in keys if key in passing and key in self._vectors}
        if not rows:
            return {}
        figures = np.stack(list(rows.values())) @ vector
        return dict(zip(rows, map(float, figures), strict=True))

    def load(self, keys: Sequence[int]) -> dict[int, Entry]:
        """Those of these that are visible still."""
        entries: list[Entry] = _whole.objects(*self.sought, _given(keys))
        return {entry.pk: entry for entry in entries}

    def expect(self, keys: Collection[int]) -> None:
        """Look these up together with those that are asked for first."""
        self._expected |= set(keys)

    def passing(self, keys: Collection[int]) -> set[int]:
        """Those of these that are visible."""
        if not self._asked.issuperset(keys):
            new = self._expected.union(keys) - self._asked
            self._asked |= new
            found = _looked_up.rows(*self.sought, _given(new))
            self._rows |= {key: values for key, *values in found}
            self._vectors |= self._unpacked((key, held) for key, _, _, held in found if held)
        return self._rows.keys() & keys

    def covered(self, key: int) -> float:
        """The share of the query's terms that it mentions."""
        if key not in self._covered:
            self._covered[key] = coverage(self.query, self._rows[key][0])
        return self._covered[key]

    def embedder(self, key: int) -> str:
        return self._rows[key][1]

    def vector(self, key: int) -> Vectors | None:
        return self._vectors.get(key)

    def _unpacked(self, held: Iterable[tuple[int, bytes]]) -> dict[int, Vectors]:
        import numpy as np

        if not self.is_native:
            return {key: np.frombuffer(vector, dtype=np.float32) for key, vector in held}
        packed = dict(held)
        return dict(zip(packed, floats_of(packed.values(), self._type), strict=True))


# --- Queries -----------------------------------------------------------------------------------


def versions_of_scopes(reader: Reader) -> dict[int, int]:
    """The keys of the scopes that the reader sees, and the versions that they are at."""
    user_id = reader.user_id if reader.workspace_ids else None
    return dict(_versions.rows(user_id, tuple(reader.workspace_ids), reader.is_shared))


@kept
def _versions(
    user_id: int | None, workspace_ids: tuple[UUID, ...], is_shared: bool
) -> QuerySet[Any, Any]:
    reader = Reader(user_id, frozenset(workspace_ids), is_shared)
    return Scope.objects.filter(reader.scopes()).order_by().values_list("pk", "version")


def _visible(*sought: Any) -> QuerySet[Entry]:
    return Entry.objects.filter(Sought(*sought).condition()).order_by()


def ranked(*sought: Any) -> QuerySet[Entry]:
    """What PostgreSQL is to rank. It is bounded by the scopes, which are the reader's, and by the
    policies; the manager's condition, which is the same again, would have the planner expect a
    tenth of the rows. What is ranked has to be visible like everything else."""
    return QuerySet(Entry).filter(Sought(*sought).condition())


def _given(keys: Collection[int]) -> str | tuple[int, ...]:
    """Keys as they are given to a query: to PostgreSQL in one parameter. psycopg takes a statement
    of many anew each time, which takes longer than the answer."""
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return f"{{{','.join(map(str, keys))}}}"
    return tuple(keys)


def _has_key(given: str | tuple[int, ...]) -> Q | RawSQL:
    if isinstance(given, str):
        is_one = f'"{TABLE}".id = ANY (%s::bigint[])'
        return RawSQL(is_one, [given], BooleanField())  # noqa: S611
    return Q(pk__in=given)


@kept
def _looked_up(*given: Any) -> QuerySet[Any, Any]:
    *sought, keys = given
    found = _visible(*sought).filter(_has_key(keys))
    if (type_ := _type_of_vectors()) in NATIVE:
        packed = found.annotate(packed=packed_vector(type_))
        return packed.values_list("pk", "content", "embedder", "packed")
    return found.values_list("pk", "content", "embedder", "vector")


@kept
def _whole(*given: Any) -> QuerySet[Entry]:
    *sought, keys = given
    return _visible(*sought).filter(_has_key(keys)).defer("vector")


@kept
def _mentioning(*given: Any) -> QuerySet[Any, Any]:
    *sought, words = given
    return newest_mentioning(ranked(*sought), words)


def _type_of_vectors() -> str:
    return native_type(DEFAULT_DB_ALIAS, TABLE, "vector")


def packed_vector(type_: str) -> RawSQL:
    """The vector of an entry as pgvector sends it: written as numbers, it would take longer to read
    than to find."""
    return RawSQL(f'{type_}_send("{TABLE}".vector)', (), BinaryField())  # noqa: S611


def floats_of(packed: Iterable[bytes], type_: str) -> Vectors:
    """The numbers of packed vectors, one row each."""
    import numpy as np

    from memory.embeddings.base import DIMENSIONS

    # Two numbers of 16 bits, then the floats, all in network order.
    floats = ">f2" if type_ == "halfvec" else ">f4"
    rows = np.frombuffer(b"".join(packed), dtype=[("head", "V4"), ("floats", floats, DIMENSIONS)])
    return rows["floats"].astype(np.float32)
