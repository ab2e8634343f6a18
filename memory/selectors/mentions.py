"""The entries that mention what a query asks for, by the full-text search of the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import connections
from django.db.models import BooleanField, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from memory.indexes import TABLE, WORDS
from memory.models import Entry
from memory.words import terms

MOST_SCORED = 300
"""Entries that the words of a query are ranked among, beyond which its frequent words are left
out."""


def by_words(
    rows: QuerySet[Entry], scope_ids: Sequence[int], query: str, *, at_once: int
) -> Iterator[list[int]]:
    """The keys of what mentions the words of the query, best first, so many at a time.

    On PostgreSQL of `rows`, in one go; elsewhere of all that these scopes hold."""
    asked = terms(query)
    if not asked:
        return iter(())
    if connections[rows.db].vendor == "postgresql":
        return iter([_by_tsvector(rows, asked, at_once)])
    return _by_fts5(rows.db, scope_ids, asked, at_once)


def _by_tsvector(rows: QuerySet[Entry], asked: Sequence[str], most: int) -> list[int]:
    given = " | ".join(f"'{term}'" for term in asked)
    query = "to_tsquery('english', %s)"
    matches = RawSQL(f'"{TABLE}".words @@ {query}', [given], output_field=BooleanField())  # noqa: S611
    rank = RawSQL(f'ts_rank("{TABLE}".words, {query})', [given], output_field=FloatField())  # noqa: S611
    ordered = rows.filter(matches).annotate(rank=rank).order_by("-rank", "-pk")
    return list(ordered.values_list("pk", flat=True)[:most])


def _by_fts5(
    using: str, scope_ids: Sequence[int], asked: Sequence[str], at_once: int
) -> Iterator[list[int]]:
    """Candidates by BM25, from the index, in which the scope is one of the words."""
    within = " OR ".join(f'"{key}"' for key in scope_ids)
    match = _match(within, _rarest(using, within, asked))
    # The newest, where even the rarest term is a frequent one.
    statement = (
        f"SELECT rowid FROM (SELECT rowid, bm25({WORDS}, 1.0, 0.0) AS figure FROM {WORDS} "  # noqa: S608
        f"WHERE {WORDS} MATCH %s ORDER BY rowid DESC LIMIT %s) ORDER BY figure LIMIT %s OFFSET %s"
    )
    start, size = 0, at_once
    while True:
        with connections[using].cursor() as cursor:
            cursor.execute(statement, [match, 2 * MOST_SCORED, size, start])
            ids = [row[0] for row in cursor.fetchall()]
        yield ids
        if len(ids) < size:
            return
        start, size = start + size, size * 8


def _rarest(using: str, within: str, asked: Sequence[str]) -> Sequence[str]:
    """The terms to look for: the rarest ones, as far as `MOST_SCORED` entries have them. BM25 works
    out a figure for each of these, and the most frequent terms count least in it."""
    if len(asked) == 1:
        return asked
    one = f"(SELECT COUNT(*) FROM (SELECT 1 FROM {WORDS} WHERE {WORDS} MATCH %s LIMIT %s))"  # noqa: S608
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join([one] * len(asked))}",
            [given for term in asked for given in (_match(within, [term]), MOST_SCORED + 1)],
        )
        counts = cursor.fetchone()
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
