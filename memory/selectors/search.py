"""Finding what was remembered: by meaning and by words, within what somebody may see.

Both rankings are of entries that are alive and in the reader's scopes, by the conditions of the
query itself; they are fused, thinned of repetitions, and cut to a number and a token budget.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import Q, QuerySet

from memory.fusion import K, diversify, fuse
from memory.indexes import TABLE, WORDS
from memory.models import Entry, Kind, Scope
from memory.scopes import Reader
from memory.tiers import Tier
from memory.words import coverage, terms, tokens_of

if TYPE_CHECKING:
    from memory.embeddings.service import Embedded
    from memory.selectors.nearest import Matrix, MatrixCache

POOL = 30
"""Candidates of each ranking."""
MOST_SCORED = 1000
"""Entries that the words of a query are ranked among, beyond which its frequent words are left
out."""
LEAST_SIMILARITY = 0.1
"""Below it vectors say nothing."""
LEAST_COVERED = 0.34
"""Of the query's terms; below it a shared word says nothing either."""
REPETITION = 0.5
"""Entries less alike than this speak of different things, and do not crowd each other out."""
CLEARLY_SIMILAR, CLEARLY_COVERED = 0.35, 0.5
"""What is shown to a debate unasked has to be this close to the question, or to mention this much
of it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found, and why."""

    entry: Entry
    score: float
    """From 0 to 1: 1 for what both rankings put first."""
    similarity: float | None
    """Cosine to the query; None when the vectors did not find it."""
    meaning_rank: int | None
    words_rank: int | None
    covered: float
    """The share of the query's terms that it mentions."""

    @property
    def is_clear(self) -> bool:
        """Whether it is about the query beyond doubt enough to be shown unasked."""
        return _is_clear(self.similarity, self.covered)

    @property
    def why(self) -> str:
        """For people."""
        parts = []
        if self.similarity is not None:
            parts.append(f"close in meaning ({self.similarity:.2f} of 1)")
        if self.words_rank is not None:
            parts.append(f"mentions {self.covered:.0%} of the terms")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Filter:
    """What may be found."""

    tiers: Collection[Tier] = ()
    """Empty: all of them."""
    kinds: Collection[Kind] = ()
    min_importance: float = 0.0
    not_of_debate: object = None

    def condition(self, now: datetime) -> Q:
        wanted = Q(expires_at=None) | Q(expires_at__gt=now)
        if self.tiers:
            wanted &= Q(tier__in=sorted(self.tiers))
        if self.kinds:
            wanted &= Q(kind__in=sorted(self.kinds))
        if self.min_importance > 0:
            wanted &= Q(importance__gte=self.min_importance)
        if self.not_of_debate is not None:
            wanted &= ~Q(debate_id=self.not_of_debate) | Q(debate_id=None)
        return wanted


@dataclass(frozen=True, slots=True)
class Parts:
    """Which rankings are asked; for measuring what each is worth."""

    meaning: bool = True
    words: bool = True


BOTH = Parts()
NONE: tuple[dict[int, float], bool] = ({}, False)


def is_empty(*, reader: Reader, now: datetime) -> bool:
    """Whether nothing is remembered that the reader may see. One cheap query."""
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    return not Entry.objects.filter(reader.entries(), alive).exists()


def search(
    *,
    reader: Reader,
    query: str,
    now: datetime,
    limit: int = 10,
    only: Filter | None = None,
    token_budget: int | None = None,
    clear_only: bool = False,
    parts: Parts = BOTH,
    embedded: Embedded | None = None,
) -> list[Hit]:
    """The entries that answer the query best, best first.

    Embeds the query, unless it is given `embedded`, so it must not be called on an event loop.
    With `clear_only`, only what is
    about the query without doubt."""
    scopes = dict(Scope.objects.filter(reader.scopes()).values_list("pk", "version"))
    if not scopes or not query.strip():
        return []
    condition = (only or Filter()).condition(now)
    if reader.public_only:
        condition &= Q(is_public=True)
    visible = Entry.objects.filter(condition, scope__in=sorted(scopes))
    rows = _Candidates(visible, query)
    near, knows_meaning = _by_meaning(rows, scopes, embedded) if parts.meaning else NONE
    worded = _by_words(rows, sorted(scopes)) if parts.words else []
    passing = rows.passing([*near, *worded])
    if near and knows_meaning:  # A word that is shared by chance says nothing.
        worded = [key for key in worded if key in passing and rows.covered(key) >= LEAST_COVERED]
    best = (parts.meaning + parts.words) / (K + 1)
    fused = {
        key: score / best
        for key, score in fuse([list(near), worded]).items()
        if key in passing and (not clear_only or _is_clear(near.get(key), rows.covered(key)))
    }
    chosen = _thinned(fused, rows, limit)
    entries = visible.in_bulk(chosen)
    hits = (_hit(entries[key], fused[key], near, worded, rows) for key in chosen if key in entries)
    return list(_within(hits, token_budget))


class _Candidates:
    """The entries that the rankings name, as far as they are visible and what of them says which
    are the hits. Each is looked up once; the rest of the hits alone is loaded."""

    def __init__(self, visible: QuerySet[Entry], query: str) -> None:
        self.visible = visible
        self.query = query
        self._asked: set[int] = set()
        self._rows: dict[int, tuple[str, str, bytes | None]] = {}
        self._covered: dict[int, float] = {}

    def passing(self, keys: Collection[int]) -> set[int]:
        """Those of these that are visible."""
        new = set(keys) - self._asked
        if new:
            self._asked |= new
            found = self.visible.filter(pk__in=new).order_by()
            columns = found.values_list("pk", "content", "embedder", "vector")
            self._rows |= {key: values for key, *values in columns}  # type: ignore[misc]
        return self._rows.keys() & keys

    def covered(self, key: int) -> float:
        """The share of the query's terms that it mentions."""
        if key not in self._covered:
            self._covered[key] = coverage(self.query, self._rows[key][0])
        return self._covered[key]

    def embedder(self, key: int) -> str:
        return self._rows[key][1]

    def vector(self, key: int) -> bytes:
        return self._rows[key][2] or b""


def _hit(
    entry: Entry,
    score: float,
    near: Mapping[int, float],
    worded: Sequence[int],
    rows: _Candidates,
) -> Hit:
    key = entry.pk
    return Hit(
        entry=entry,
        score=round(score, 4),
        similarity=round(near[key], 4) if key in near else None,
        meaning_rank=list(near).index(key) + 1 if key in near else None,
        words_rank=worded.index(key) + 1 if key in worded else None,
        covered=round(rows.covered(key), 4),
    )


def _is_clear(similarity: float | None, covered: float) -> bool:
    near = similarity is not None and similarity >= CLEARLY_SIMILAR
    return near or covered >= CLEARLY_COVERED


def _thinned(scores: Mapping[int, float], rows: _Candidates, limit: int) -> list[int]:
    import numpy as np

    keys = [key for key in scores if rows.vector(key)]
    place = {key: number for number, key in enumerate(keys)}
    held = np.frombuffer(b"".join(map(rows.vector, keys)), dtype=np.float32)
    vectors = held.reshape(len(keys), -1) if keys else held.reshape(0, 0)
    alike = (vectors @ vectors.T).tolist()

    def similarity(one: int, other: int) -> float:
        if one not in place or other not in place or rows.embedder(one) != rows.embedder(other):
            return 0.0
        cosine: float = alike[place[one]][place[other]]
        return max(0.0, cosine - REPETITION) / (1.0 - REPETITION)

    return diversify(scores, similarity, limit=limit)


def _within(hits: Iterable[Hit], token_budget: int | None) -> Iterable[Hit]:
    """As many as the budget holds; one that is too long does not keep out those after it."""
    left = token_budget
    for hit in hits:
        if left is not None:
            needed = tokens_of(hit.entry.content)
            if needed > left:
                continue
            left -= needed
        yield hit


# --- By meaning --------------------------------------------------------------------------------

_matrices: MatrixCache | None = None


def _by_meaning(
    rows: _Candidates, scopes: Mapping[int, int], made: Embedded | None
) -> tuple[dict[int, float], bool]:
    """The nearest with their similarity, and whether the vectors know more than spelling."""
    from memory.embeddings.hashed import HashEmbedder
    from memory.embeddings.service import get_service
    from memory.selectors.nearest import is_indexed, nearest_exact, nearest_native

    made = made or get_service().embed([rows.query])
    vector = made.vectors[0]
    if not vector.any():
        return NONE
    knows_meaning = made.embedder != HashEmbedder.name
    if is_indexed(rows.visible):
        found = nearest_native(rows.visible.filter(embedder=made.embedder), vector, limit=POOL)
        close = {key: figure for key, figure in found.items() if figure >= LEAST_SIMILARITY}
        return close, knows_meaning
    exact = nearest_exact(
        (_matrix(pk, version, made.embedder) for pk, version in scopes.items()),
        vector,
        rows.passing,
        limit=POOL,
        least=LEAST_SIMILARITY,
    )
    return exact, knows_meaning


def forget_matrices() -> None:
    """Drop the vectors that are kept at hand."""
    if _matrices is not None:
        _matrices.clear()


def erase_vectors(entry_ids: Iterable[int]) -> None:
    """Have nothing of these entries among the vectors that are kept at hand."""
    if _matrices is not None:
        _matrices.erase(entry_ids)


def _matrix(scope_id: int, version: int, embedder: str) -> Matrix:
    from memory.selectors.nearest import MatrixCache

    global _matrices  # noqa: PLW0603
    if _matrices is None:
        _matrices = MatrixCache()
    rows = Entry.objects.filter(scope=scope_id, embedder=embedder).order_by("pk")
    database = connections[rows.db].settings_dict["NAME"]
    return _matrices.get(
        (str(database), scope_id, embedder),
        version=version,
        ids=lambda: rows.values_list("pk", flat=True),
        load=lambda ids: {
            pk: vector or b"" for pk, vector in rows.filter(pk__in=ids).values_list("pk", "vector")
        },
    )


# --- By words ----------------------------------------------------------------------------------


def _by_words(rows: _Candidates, scope_ids: Sequence[int]) -> list[int]:
    asked = terms(rows.query)
    if not asked:
        return []
    if connections[rows.visible.db].vendor == "postgresql":
        return _by_tsvector(rows.visible, asked)
    return _by_fts5(rows, scope_ids, asked)


def _by_tsvector(visible: QuerySet[Entry], asked: Sequence[str]) -> list[int]:
    from django.db.models import BooleanField, FloatField
    from django.db.models.expressions import RawSQL

    given = " | ".join(f"'{term}'" for term in asked)
    query = "to_tsquery('english', %s)"
    matches = RawSQL(f'"{TABLE}".words @@ {query}', [given], output_field=BooleanField())  # noqa: S611
    rank = RawSQL(f'ts_rank("{TABLE}".words, {query})', [given], output_field=FloatField())  # noqa: S611
    ordered = visible.filter(matches).annotate(rank=rank).order_by("-rank", "-pk")
    return list(ordered.values_list("pk", flat=True)[:POOL])


def _by_fts5(rows: _Candidates, scope_ids: Sequence[int], asked: Sequence[str]) -> list[int]:
    """Candidates by BM25, from the index, in which the scope is one of the words; then those of
    them that pass the other conditions."""
    within = " OR ".join(f'"{key}"' for key in scope_ids)
    using = rows.visible.db
    match = _match(within, _rarest(using, within, asked))
    statement = (
        f"SELECT rowid FROM {WORDS} WHERE {WORDS} MATCH %s "  # noqa: S608
        "AND rank MATCH 'bm25(1.0, 0.0)' ORDER BY rank LIMIT %s OFFSET %s"
    )
    found: list[int] = []
    start, size = 0, POOL + 10
    while len(found) < POOL:
        with connections[using].cursor() as cursor:
            cursor.execute(statement, [match, size, start])
            ids = [row[0] for row in cursor.fetchall()]
        passed = rows.passing(ids)
        found += [key for key in ids if key in passed]
        if len(ids) < size:
            break
        start, size = start + size, size * 8
    return found[:POOL]


def _rarest(using: str, within: str, asked: Sequence[str]) -> Sequence[str]:
    """The terms to look for: all, unless more than `MOST_SCORED` entries have one. BM25 works out a
    figure for each of them, so the most frequent terms, which count least in it, are left out."""
    if _count(using, [_match(within, asked)])[0] <= MOST_SCORED:
        return asked
    counts = _count(using, [_match(within, [term]) for term in asked])
    wanted: list[str] = []
    total = 0
    for count, term in sorted(zip(counts, asked, strict=True)):
        total += count
        if wanted and total > MOST_SCORED:
            break
        wanted += [term] if count else []
    return wanted or asked


def _match(within: str, words: Sequence[str]) -> str:
    asked = " OR ".join(f'"{term}"' for term in words)
    return f"scope_id : ({within}) AND content : ({asked})"


def _count(using: str, matches: Sequence[str]) -> list[int]:
    """How many entries match each, counted as far as it matters."""
    one = f"(SELECT COUNT(*) FROM (SELECT 1 FROM {WORDS} WHERE {WORDS} MATCH %s LIMIT %s))"  # noqa: S608
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join([one] * len(matches))}",
            [given for match in matches for given in (match, MOST_SCORED + 1)],
        )
        return list(cursor.fetchone())
