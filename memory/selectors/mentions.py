"""The entries that mention what a query asks for, by the full-text search of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BooleanField, F, QuerySet, TextField
from django.db.models.expressions import RawSQL

from memory.indexes import TABLE, WORDS
from memory.models import Entry, Scope
from memory.tiers import Tier
from memory.words import terms

Newest = Callable[[str], tuple[str, Sequence[Any]]]
"""The statement of `newest_mentioning` for what is sought, with its parameters."""
MOST_SCORED = 300
"""Entries that the words of a query are ranked among, beyond which its frequent words are left
out."""
_QUERY = "to_tsquery('english', %s)"
_HELD = " + ".join(f"scope.{tier}_bytes" for tier in Tier)
_SAMPLE = (  # Those that an index has side by side.
    f"SELECT size, words FROM {TABLE} WHERE scope_id = scope.id "  # noqa: S608
    "ORDER BY tier, pinned, standing, id LIMIT 200"
)


def by_words(
    newest: Newest, scope_ids: Sequence[int], query: str, *, at_once: int
) -> Iterator[list[int]]:
    """The keys of what mentions the words of the query, best first, so many at a time.

    On PostgreSQL of `newest`, in one go; elsewhere of all that these scopes hold."""
    asked = terms(query)
    if not asked:
        return iter(())
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return iter([_by_tsvector(newest, scope_ids, asked, at_once)])
    return _by_fts5(DEFAULT_DB_ALIAS, scope_ids, asked, at_once)


def newest_mentioning(rows: QuerySet[Entry], sought: str) -> QuerySet[Any, Any]:
    """Those of the rows that match a query of PostgreSQL's: the newest, where even the rarest term
    is a frequent one."""
    matches = RawSQL(f'"{TABLE}".words @@ {_QUERY}', [sought], BooleanField())  # noqa: S611
    words = RawSQL(f'"{TABLE}".words', [], TextField())  # noqa: S611
    # Not by the key itself: where many match, the planner would try all entries, newest first.
    newest = rows.filter(matches).annotate(mentioned=words).order_by((F("id") + 0).desc())
    return newest.values_list("id", "mentioned")[: 2 * MOST_SCORED]


def _by_tsvector(
    newest: Newest, scope_ids: Sequence[int], asked: Sequence[str], most: int
) -> list[int]:
    """Candidates by `ts_rank`, which takes longer than to find them."""
    counted = _counted_in_sample(DEFAULT_DB_ALIAS, scope_ids, asked)
    found = _ranked(newest, _rarest(counted), asked, most)
    # So rare that nothing mentions them. The next ones are frequent: to read all that mentions any
    # of them takes long, and with fewer of them no less is found (docs/MEMORY.md).
    if not found and (others := [(count, term) for count, term in counted if count]):
        found = _ranked(newest, _rarest(others, 4 * MOST_SCORED), asked, most)
    return found


def _ranked(newest: Newest, sought: Sequence[str], asked: Sequence[str], most: int) -> list[int]:
    found, parameters = newest(_any_of(sought))
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({found}) AS newest "  # noqa: S608
            f"ORDER BY ts_rank(mentioned, {_QUERY}) DESC, id DESC LIMIT %s",
            [*parameters, _any_of(asked), most],
        )
        return [key for (key,) in cursor.fetchall()]


def _counted_in_sample(
    using: str, scope_ids: Sequence[int], asked: Sequence[str]
) -> list[tuple[float, str]]:
    """About how many entries mention each term, by some of them: to count those of all would read
    them all."""
    if len(asked) == 1:
        return [(0.0, asked[0])]
    share = f"COUNT(*) FILTER (WHERE words @@ {_QUERY})::float / SUM(size)"
    shares = ", ".join([f"{share} * MIN({_HELD})"] * len(asked))
    within = ", ".join(["%s"] * len(scope_ids))
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT {shares} FROM {Scope._meta.db_table} AS scope CROSS JOIN LATERAL ({_SAMPLE}) "  # noqa: S608
            f"AS sample WHERE scope.id IN ({within}) GROUP BY scope.id",
            [*(_any_of([term]) for term in asked), *scope_ids],
        )
        rows = cursor.fetchall()
    counts = [sum(of_scopes) for of_scopes in zip(*rows, strict=True)] or [0.0] * len(asked)
    return list(zip(counts, asked, strict=True))


def _by_fts5(
    using: str, scope_ids: Sequence[int], asked: Sequence[str], at_once: int
) -> Iterator[list[int]]:
    """Candidates by BM25, from the index, in which the scope is one of the words."""
    within = " OR ".join(f'"{key}"' for key in scope_ids)
    match = _match(within, _rarest_of_all(using, within, asked))
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


def _rarest_of_all(using: str, within: str, asked: Sequence[str]) -> Sequence[str]:
    """The terms to look for, by how many entries mention them."""
    if len(asked) == 1:
        return asked
    one = f"(SELECT COUNT(*) FROM (SELECT 1 FROM {WORDS} WHERE {WORDS} MATCH %s LIMIT %s))"  # noqa: S608
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join([one] * len(asked))}",
            [given for term in asked for given in (_match(within, [term]), MOST_SCORED + 1)],
        )
        counts = cursor.fetchone()
    return (
        _rarest([(count, term) for count, term in zip(counts, asked, strict=True) if count])
        or asked
    )


def _rarest(counted: Iterable[tuple[float, str]], most: int | None = None) -> list[str]:
    """The terms that the fewest entries mention, as far as so many do, `MOST_SCORED` unless told: a
    figure is worked out for each of these, and the most frequent terms count least in it."""
    wanted: list[str] = []
    total = 0.0
    for count, term in sorted(counted):
        total += count
        if wanted and total > (MOST_SCORED if most is None else most):
            break
        wanted.append(term)
    return wanted


def _any_of(words: Sequence[str]) -> str:
    """For `to_tsquery`."""
    return " | ".join(f"'{word}'" for word in words)


def _match(within: str, words: Sequence[str]) -> str:
    asked = " OR ".join(f'"{term}"' for term in words)
    return f"scope_id : ({within}) AND content : ({asked})"
