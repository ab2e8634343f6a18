"""Finding what was remembered: by meaning and by words, within what somebody may see.

Both rankings are of entries that are alive and in the reader's scopes, by the conditions of the
query itself; they are fused, thinned of repetitions, and cut to a number and a token budget.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import Q, QuerySet

from memory.fusion import K, diversify, fuse
from memory.models import Entry
from memory.scopes import Reader
from memory.selectors.candidates import POOL, Candidates, Filter, sought, versions_of_scopes
from memory.words import tokens_of

if TYPE_CHECKING:
    from memory.embeddings.service import Embedded
    from memory.selectors.nearest import Matrix, MatrixCache

SPELLING_WEIGHT = 0.01
"""What places by hash vectors count for, beside 1 for those by words: they follow what the words
found. More costs places (docs/MEMORY.md)."""
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
    def why(self) -> str:
        """For people."""
        parts = []
        if self.similarity is not None:
            parts.append(f"close in meaning ({self.similarity:.2f} of 1)")
        if self.words_rank is not None:
            parts.append(f"mentions {self.covered:.0%} of the terms")
        return ", ".join(parts)


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
    scopes = versions_of_scopes(reader)
    if not scopes or not query.strip():
        return []
    rows = Candidates(sought(only or Filter(), reader=reader, scopes=scopes, now=now), query)
    batches = rows.by_words() if parts.words else iter(())
    first = next(batches, [])
    rows.expect(first)  # One question for what both rankings name.
    near, knows_meaning = _by_meaning(rows, scopes, embedded) if parts.meaning else NONE
    worded = _first_visible(rows, chain([first], batches))
    passing = rows.passing([*near, *worded])
    if near and knows_meaning:  # A word that is shared by chance says nothing.
        worded = [key for key in worded if key in passing and rows.covered(key) >= LEAST_COVERED]
    weights = _weights(parts, knows_meaning=knows_meaning)
    best = sum(weights) / (K + 1)
    fused = {
        key: score / best
        for key, score in fuse([list(near), worded], weights=weights).items()
        if key in passing and (not clear_only or _is_clear(key, near, rows))
    }
    chosen = _thinned(fused, rows, limit)
    entries = rows.load(chosen)
    hits = (_hit(entries[key], fused[key], near, worded, rows) for key in chosen if key in entries)
    return list(_within(hits, token_budget))


def _weights(parts: Parts, *, knows_meaning: bool) -> tuple[float, float]:
    """How much the places by meaning and by words count."""
    if not parts.meaning or not parts.words:
        return float(parts.meaning), float(parts.words)
    return (1.0 if knows_meaning else SPELLING_WEIGHT), 1.0


def _hit(
    entry: Entry,
    score: float,
    near: Mapping[int, float],
    worded: Sequence[int],
    rows: Candidates,
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


def _is_clear(key: int, near: Mapping[int, float], rows: Candidates) -> bool:
    """Whether it is about the query beyond doubt enough to be shown unasked."""
    return near.get(key, 0.0) >= CLEARLY_SIMILAR or rows.covered(key) >= CLEARLY_COVERED


def _thinned(scores: Mapping[int, float], rows: Candidates, limit: int) -> list[int]:
    """The best that do not repeat each other. Vectors of different embedders cannot be compared."""
    import numpy as np

    from memory.embeddings.base import DIMENSIONS

    if not scores:
        return []
    found = [rows.vector(key) for key in scores]
    vectors = np.stack([np.zeros(DIMENSIONS, np.float32) if one is None else one for one in found])
    embedders = np.array([rows.embedder(key) for key in scores])
    cosines = (vectors @ vectors.T) * (embedders[:, None] == embedders)
    alike = (cosines - REPETITION).clip(min=0.0) / (1.0 - REPETITION)
    return diversify(scores, alike, limit=limit)


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
BY_PGVECTOR = "memory.selectors.by_pgvector"


def _by_meaning(
    rows: Candidates, scopes: Mapping[int, int], made: Embedded | None
) -> tuple[dict[int, float], bool]:
    """The nearest with their similarity, and whether the vectors know more than spelling."""
    from memory.embeddings.hashed import HashEmbedder
    from memory.embeddings.service import get_service
    from memory.selectors.nearest import nearest_exact

    made = made or get_service().embed([rows.query])
    vector = made.vectors[0]
    if not vector.any():
        return NONE
    knows_meaning = made.embedder != HashEmbedder.name
    if rows.is_native:
        from memory.selectors import by_pgvector

        near = by_pgvector.nearest(rows, scopes, made, limit=POOL, least=LEAST_SIMILARITY)
        return near, knows_meaning
    exact = nearest_exact(
        (_matrix(pk, version, made.embedder) for pk, version in scopes.items()),
        vector,
        rows.passing,
        limit=POOL,
        least=LEAST_SIMILARITY,
    )
    return exact, knows_meaning


def bytes_at_hand() -> int:
    """What the vectors that are kept at hand take."""
    return 0 if _matrices is None else _matrices.nbytes


def forget_matrices() -> None:
    """Drop the vectors that are kept at hand."""
    if _matrices is not None:
        _matrices.clear()
    if BY_PGVECTOR in sys.modules:
        sys.modules[BY_PGVECTOR].forget_codes()


def follow(
    scope_id: int,
    *,
    before: int,
    after: int,
    added: Sequence[tuple[int, str, bytes]],
    gone: Collection[int],
) -> None:
    """Have the vectors that are kept at hand become those of a scope's next version: what was
    added, as (key, embedder, vector), and nothing of what is gone."""
    if _matrices is not None:
        _matrices.follow(scope_id, before=before, after=after, added=added)
        _matrices.erase(gone)  # Some of what was added may be gone again.
    if BY_PGVECTOR in sys.modules:  # Who never searched by it need not load it.
        by_pgvector = sys.modules[BY_PGVECTOR]
        by_pgvector.follow(scope_id, before=before, after=after, added=added, gone=gone)


def _matrix(scope_id: int, version: int, embedder: str) -> Matrix:
    from memory.selectors.nearest import MatrixCache

    global _matrices  # noqa: PLW0603
    if _matrices is None:
        _matrices = MatrixCache()

    def rows() -> QuerySet[Entry]:
        return Entry.objects.filter(scope=scope_id, embedder=embedder).order_by("pk")

    database = connections[Entry.objects.db].settings_dict["NAME"]
    return _matrices.get(
        (str(database), scope_id, embedder),
        version=version,
        ids=lambda: rows().values_list("pk", flat=True),
        load=lambda ids: {
            pk: vector or b""
            for pk, vector in rows().filter(pk__in=ids).values_list("pk", "vector")
        },
    )


def _first_visible(rows: Candidates, batches: Iterable[Sequence[int]]) -> list[int]:
    """The first of what is named that are visible."""
    found: list[int] = []
    for batch in batches:
        passed = rows.passing(batch)
        found += [key for key in batch if key in passed]
        if len(found) >= POOL:
            break
    return found[:POOL]
