"""The nearest entries where pgvector has the vectors: by the codes that are at hand, and by
pgvector for what is not. What is returned are exact figures of vectors that were looked up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet

from aragora_site.kept import kept
from memory.fields import as_text, native_type
from memory.indexes import TABLE
from memory.models import Entry
from memory.selectors.candidates import POOL, Candidates, Sought, floats_of, packed_vector, ranked
from memory.selectors.codes import CodeCache, Codes, Key
from memory.selectors.nearest import Found, nearest_first

if TYPE_CHECKING:
    from memory.embeddings.base import Vectors
    from memory.embeddings.service import Embedded

SPARE = 10
"""Candidates beyond those that are wanted: some are not visible, and codes are not exact."""
INEXACT = 0.01
"""Codes differ from vectors by less."""
LOADED_AT_ONCE = 2000
"""Vectors that a search brings to hand, at most, beside what it is asked for."""
CHECKED_EVERY = timedelta(minutes=1)
"""How often it is looked what others have removed, while they write. Until then they are left out
when they are looked up."""

_codes = CodeCache()


def nearest(
    rows: Candidates, versions: Mapping[int, int], made: Embedded, *, limit: int, least: float
) -> Found:
    """The nearest that are visible, down to a similarity of `least`, the nearest first, with it.

    `versions` are those that the scopes are at."""
    vector = made.vectors[0]
    parts, rest = _at_hand(rows.sought, versions, made.embedder)
    named, are_more = _best(parts, vector, least=least - INEXACT, count=limit + SPARE)
    if rest:
        named += _by_database(rows.sought, rest, made)
    found = rows.similar(named, vector)
    if are_more and len(found) < limit:  # Few of what is near are what may be found.
        found = rows.similar(_by_database(rows.sought, dict.fromkeys(versions, 0), made), vector)
    close = {key: figure for key, figure in found.items() if figure >= least}
    return dict(sorted(close.items(), key=lambda item: -item[1])[:limit])


def follow(
    scope_id: int,
    *,
    before: int,
    after: int,
    added: Sequence[tuple[int, str, bytes]],
    gone: Collection[int],
) -> None:
    """See `memory.selectors.search.follow`."""
    _codes.follow(scope_id, before=before, after=after, added=added)
    _codes.erase(scope_id, gone)


def forget_codes() -> None:
    """Drop what is at hand."""
    _codes.clear()


def _by_database(sought: Sought, after: Mapping[int, int], made: Embedded) -> list[int]:
    """The nearest in these scopes among what comes after these keys, or after some of them."""
    within = sought._replace(scopes=tuple(sorted(after)))
    vector = as_text(made.vectors[0].tobytes())
    found = _nearest_after.rows(*within, made.embedder, min(after.values()), vector)
    return [key for key, _ in found]


def _best(
    parts: Sequence[Codes], vector: Vectors, *, least: float, count: int
) -> tuple[list[int], bool]:
    """The keys of the nearest, so many at most, and whether more are near enough."""
    found: list[tuple[float, int]] = []
    for part in parts:
        figures = part.figures(vector)
        others = max(len(figures) - count - 1, 0)
        best = np.argpartition(figures, others)[others:] if others else np.arange(len(figures))
        best = best[figures[best] >= least]
        found += zip(figures[best].tolist(), part.ids[best].tolist(), strict=True)
    found.sort(reverse=True)
    return [key for _, key in found[:count]], len(found) > count


def _at_hand(
    sought: Sought, versions: Mapping[int, int], embedder: str
) -> tuple[list[Codes], dict[int, int]]:
    """What is at hand of the scopes, and after which keys there is more that is not. One of them
    is brought on."""
    database = str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"])
    parts: list[Codes] = []
    rest: dict[int, int] = {}
    has_loaded = False
    for scope_id, version in versions.items():
        key = (database, scope_id, embedder)
        known = _codes.get(key, version, sought.now)
        is_due = _is_due(known, version, sought.now)
        if not has_loaded and (known.version != version or is_due):
            changed = _brought_on(key, known, version, sought.now, is_due=is_due)
            known, has_loaded = changed, changed is not known
        if known.version != version:
            rest[scope_id] = known.last
        parts.append(known)
    return parts, rest


def _brought_on(key: Key, known: Codes, version: int, now: datetime, *, is_due: bool) -> Codes:
    """What is at hand of a scope, with some of what is missing, if there is room; checked first,
    where that is due."""
    _, scope_id, embedder = key
    is_checked = not known.count
    if is_due:
        ids = np.array(_keys.rows(scope_id, embedder), dtype=np.int64).reshape(-1)
        checked = known.up_to_what_differs(ids, version, now)
        known = _codes.put(key, known, checked, now)
        if known is not checked or known.version == version:
            return known
        is_checked = True
    if not _codes.admits(key, LOADED_AT_ONCE, now):
        return known
    found = _following.rows(scope_id, embedder, known.last)
    is_all = len(found) < LOADED_AT_ONCE
    return _codes.extend(
        key,
        known,
        np.array([pk for pk, _ in found], dtype=np.int64),
        floats_of((packed for _, packed in found), _type_of_vectors()),
        version=version,
        is_all=is_all,
        is_checked=is_checked,
        now=now,
    )


def _is_due(known: Codes, version: int, now: datetime) -> bool:
    """Whether it is time to look what others have removed."""
    is_old = known.checked_at is not None and now - known.checked_at > CHECKED_EVERY
    return is_old and (known.is_unchecked or known.version != version)


@kept
def _nearest_after(*given: Any) -> QuerySet[Any, Any]:
    *sought, embedder, after, vector = given
    found = ranked(*sought).filter(embedder=embedder, pk__gt=after)
    return nearest_first(found, vector).values_list("pk", "distance")[:POOL]


@kept
def _following(scope_id: int, embedder: str, after: int) -> QuerySet[Any, Any]:
    found = _embedded(scope_id, embedder).filter(pk__gt=after)
    packed = found.annotate(packed=packed_vector(_type_of_vectors()))
    return packed.values_list("pk", "packed").order_by("pk")[:LOADED_AT_ONCE]


@kept
def _keys(scope_id: int, embedder: str) -> QuerySet[Any, Any]:
    return _embedded(scope_id, embedder).values_list("pk").order_by("pk")


def _embedded(scope_id: int, embedder: str) -> QuerySet[Entry]:
    """All of a scope, which the reader sees all of; in the way of `ranked`."""
    return QuerySet(Entry).filter(scope=scope_id, embedder=embedder, vector__isnull=False)


def _type_of_vectors() -> str:
    return native_type(DEFAULT_DB_ALIAS, TABLE, "vector")
