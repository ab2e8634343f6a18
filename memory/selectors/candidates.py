"""The entries that a search is about: what may be found, and what of it says which are the hits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import BinaryField, Q, QuerySet
from django.db.models.expressions import RawSQL

from aragora_site.kept import kept
from memory.fields import NATIVE, as_text, native_type
from memory.indexes import TABLE
from memory.models import Entry, Kind, Scope
from memory.scopes import Reader
from memory.selectors.mentions import by_words, newest_mentioning
from memory.tiers import Tier
from memory.words import coverage

if TYPE_CHECKING:
    from memory.embeddings.base import Vectors
    from memory.embeddings.service import Embedded

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
        self._sought = sought
        self._type = _type_of_vectors()
        self._expected: set[int] = set()
        self._asked: set[int] = set()
        self._rows: dict[int, tuple[str, str, bytes | None]] = {}
        self._covered: dict[int, float] = {}

    @property
    def is_native(self) -> bool:
        """Whether pgvector searches them."""
        return self._type in NATIVE

    def by_words(self) -> Iterator[list[int]]:
        """The keys of what mentions the words of the query, best first; elsewhere than on
        PostgreSQL they may not be visible."""
        newest = partial(_mentioning.statement, *self._sought)
        return by_words(newest, self._sought.scopes, self.query, at_once=POOL + 10)

    def nearest(self, made: Embedded) -> dict[int, float]:
        """The nearest by pgvector, with their similarity."""
        vector = as_text(made.vectors[0].tobytes())
        found = _nearest.rows(*self._sought, made.embedder, vector)
        return {key: -distance for key, distance in found}

    def load(self, keys: Sequence[int]) -> dict[int, Entry]:
        """Those of these that are visible still."""
        entries: list[Entry] = _whole.objects(*self._sought, tuple(keys))
        return {entry.pk: entry for entry in entries}

    def expect(self, keys: Collection[int]) -> None:
        """Look these up together with those that are asked for first."""
        self._expected |= set(keys)

    def passing(self, keys: Collection[int]) -> set[int]:
        """Those of these that are visible."""
        if not self._asked.issuperset(keys):
            new = self._expected.union(keys) - self._asked
            self._asked |= new
            found = _looked_up.rows(*self._sought, tuple(new))
            self._rows |= {key: values for key, *values in found}
        return self._rows.keys() & keys

    def covered(self, key: int) -> float:
        """The share of the query's terms that it mentions."""
        if key not in self._covered:
            self._covered[key] = coverage(self.query, self._rows[key][0])
        return self._covered[key]

    def embedder(self, key: int) -> str:
        return self._rows[key][1]

    def vector(self, key: int) -> Vectors | None:
        import numpy as np

        held = self._rows[key][2]
        if not held:
            return None
        if not self.is_native:
            return np.frombuffer(held, dtype=np.float32)
        # As pgvector sends them: two numbers of 16 bits, then the floats, all in network order.
        floats = np.frombuffer(held, dtype=">f2" if self._type == "halfvec" else ">f4", offset=4)
        return floats.astype(np.float32)


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


def _ranked(*sought: Any) -> QuerySet[Entry]:
    """What PostgreSQL is to rank. It is bounded by the scopes, which are the reader's, and by the
    policies; the manager's condition, which is the same again, would have the planner expect a
    tenth of the rows. What is ranked has to be visible like everything else."""
    return QuerySet(Entry).filter(Sought(*sought).condition())


@kept
def _looked_up(*given: Any) -> QuerySet[Any, Any]:
    *sought, keys = given
    found = _visible(*sought).filter(pk__in=keys)
    if (type_ := _type_of_vectors()) in NATIVE:
        # Written as numbers, they would take longer to read than to find.
        packed = RawSQL(f'{type_}_send("{TABLE}".vector)', (), BinaryField())  # noqa: S611
        return found.annotate(packed=packed).values_list("pk", "content", "embedder", "packed")
    return found.values_list("pk", "content", "embedder", "vector")


@kept
def _whole(*given: Any) -> QuerySet[Entry]:
    *sought, keys = given
    return _visible(*sought).filter(pk__in=keys).defer("vector")


@kept
def _mentioning(*given: Any) -> QuerySet[Any, Any]:
    *sought, words = given
    return newest_mentioning(_ranked(*sought), words)


@kept
def _nearest(*given: Any) -> QuerySet[Any, Any]:
    from memory.selectors.nearest import nearest_first

    *sought, embedder, vector = given
    rows = nearest_first(_ranked(*sought).filter(embedder=embedder), vector)
    return rows.values_list("pk", "distance")[:POOL]


def _type_of_vectors() -> str:
    return native_type(DEFAULT_DB_ALIAS, TABLE, "vector")
