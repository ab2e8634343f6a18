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

from memory.fusion import diversify, fuse
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
        near = self.similarity is not None and self.similarity >= CLEARLY_SIMILAR
        return near or self.covered >= CLEARLY_COVERED

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
    near, knows_meaning = _by_meaning(visible, scopes, query, embedded) if parts.meaning else NONE
    worded = _by_words(visible, sorted(scopes), query) if parts.words else []
    rows = {entry.pk: entry for entry in visible.filter(pk__in=[*near, *worded])}
    covered = {key: coverage(query, entry.content) for key, entry in rows.items()}
    if near and knows_meaning:  # A word that is shared by chance says nothing.
        worded = [key for key in worded if covered.get(key, 0.0) >= LEAST_COVERED]
    fused = fuse([list(near), worded])
    hits = _hits(fused, near, worded, rows, covered, rankings=parts.meaning + parts.words)
    if clear_only:
        hits = {key: hit for key, hit in hits.items() if hit.is_clear}
    return list(_within(_thinned(hits, limit), token_budget))


def _hits(
    fused: Mapping[int, float],
    near: Mapping[int, float],
    worded: Sequence[int],
    rows: Mapping[int, Entry],
    covered: Mapping[int, float],
    *,
    rankings: int,
) -> dict[int, Hit]:
    best = rankings / 61
    meaning_ranks = {key: rank for rank, key in enumerate(near, start=1)}
    words_ranks = {key: rank for rank, key in enumerate(worded, start=1)}
    return {
        key: Hit(
            entry=rows[key],
            score=round(score / best, 4),
            similarity=round(near[key], 4) if key in near else None,
            meaning_rank=meaning_ranks.get(key),
            words_rank=words_ranks.get(key),
            covered=round(covered[key], 4),
        )
        for key, score in fused.items()
        if key in rows
    }


def _thinned(hits: Mapping[int, Hit], limit: int) -> list[Hit]:
    import numpy as np

    vectors = {
        key: np.frombuffer(hit.entry.vector, dtype=np.float32)
        for key, hit in hits.items()
        if hit.entry.vector is not None
    }

    def similarity(one: int, other: int) -> float:
        if one not in vectors or other not in vectors:
            return 0.0
        if hits[one].entry.embedder != hits[other].entry.embedder:
            return 0.0
        cosine = float(vectors[one] @ vectors[other])
        return max(0.0, cosine - REPETITION) / (1.0 - REPETITION)

    scores = {key: hit.score for key, hit in hits.items()}
    return [hits[key] for key in diversify(scores, similarity, limit=limit)]


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
    visible: QuerySet[Entry], scopes: Mapping[int, int], query: str, made: Embedded | None
) -> tuple[dict[int, float], bool]:
    """The nearest with their similarity, and whether the vectors know more than spelling."""
    from memory.embeddings.hashed import HashEmbedder
    from memory.embeddings.service import get_service
    from memory.selectors.nearest import is_indexed, nearest_exact, nearest_native

    made = made or get_service().embed([query])
    vector = made.vectors[0]
    if not vector.any():
        return NONE
    knows_meaning = made.embedder != HashEmbedder.name
    if is_indexed(visible):
        found = nearest_native(visible.filter(embedder=made.embedder), vector, limit=POOL)
        close = {key: figure for key, figure in found.items() if figure >= LEAST_SIMILARITY}
        return close, knows_meaning
    exact = nearest_exact(
        (_matrix(pk, version, made.embedder) for pk, version in scopes.items()),
        vector,
        lambda ids: visible.filter(pk__in=ids).order_by().values_list("pk", flat=True),
        limit=POOL,
        least=LEAST_SIMILARITY,
    )
    return exact, knows_meaning


def forget_matrices() -> None:
    """Drop the vectors that are kept at hand."""
    if _matrices is not None:
        _matrices.clear()


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


def _by_words(visible: QuerySet[Entry], scope_ids: Sequence[int], query: str) -> list[int]:
    asked = terms(query)
    if not asked:
        return []
    if connections[visible.db].vendor == "postgresql":
        return _by_tsvector(visible, asked)
    return _by_fts5(visible, scope_ids, asked)


def _by_tsvector(visible: QuerySet[Entry], asked: Sequence[str]) -> list[int]:
    from django.db.models import BooleanField, FloatField
    from django.db.models.expressions import RawSQL

    given = " | ".join(f"'{term}'" for term in asked)
    query = "to_tsquery('english', %s)"
    matches = RawSQL(f'"{TABLE}".words @@ {query}', [given], output_field=BooleanField())  # noqa: S611
    rank = RawSQL(f'ts_rank_cd("{TABLE}".words, {query})', [given], output_field=FloatField())  # noqa: S611
    ordered = visible.filter(matches).annotate(rank=rank).order_by("-rank", "-pk")
    return list(ordered.values_list("pk", flat=True)[:POOL])


def _by_fts5(visible: QuerySet[Entry], scope_ids: Sequence[int], asked: Sequence[str]) -> list[int]:
    """Candidates by BM25, from the index, in which the scope is one of the words; then those of
    them that pass the other conditions."""
    scopes = " OR ".join(f'"{key}"' for key in scope_ids)
    words = " OR ".join(f'"{term}"' for term in asked)
    match = f"scope_id : ({scopes}) AND content : ({words})"
    statement = (
        f"SELECT rowid FROM {WORDS} WHERE {WORDS} MATCH %s "  # noqa: S608
        "AND rank MATCH 'bm25(1.0, 0.0)' ORDER BY rank LIMIT %s OFFSET %s"
    )
    found: list[int] = []
    start, size = 0, 2 * POOL
    while len(found) < POOL:
        with connections[visible.db].cursor() as cursor:
            cursor.execute(statement, [match, size, start])
            ids = [row[0] for row in cursor.fetchall()]
        passed = set(visible.filter(pk__in=ids).order_by().values_list("pk", flat=True))
        found += [key for key in ids if key in passed]
        if len(ids) < size:
            break
        start, size = start + size, size * 8
    return found[:POOL]
