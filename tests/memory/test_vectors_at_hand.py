"""What a process keeps of vectors where pgvector has them, and that a search finds the same with
all of it, some of it and none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from memory.embeddings.base import DIMENSIONS, Vectors
from memory.scopes import Reader
from memory.selectors import by_pgvector
from memory.selectors.candidates import Filter
from memory.selectors.codes import BUSY, BYTES_OF_ONE, NOTHING, CodeCache
from memory.selectors.search import Parts, search
from memory.services.entries import forget
from memory.tiers import Tier
from tests.memory.conftest import NOW, People, remember

KEY = ("db", 7, "embedder")
MEANING = Parts(words=False)


def of_number(number: int) -> Vectors:
    row = np.random.default_rng(number).normal(size=DIMENSIONS)
    return (row / np.linalg.norm(row)).astype(np.float32)


def of_numbers(numbers: list[int]) -> Vectors:
    rows = np.zeros((len(numbers), DIMENSIONS), dtype=np.float32)
    for place, number in enumerate(numbers):
        rows[place] = of_number(number)
    return rows


def keys(numbers: list[int]) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)


def held(cache: CodeCache) -> set[int]:
    """The keys whose vectors are there, each of which is about right."""
    known = cache.get(KEY, NOW)
    query = of_number(10_000)
    figures = known.figures(query)
    there = {int(key): float(figure) for key, figure in zip(known.ids, figures, strict=True)}
    kept = {key: figure for key, figure in there.items() if figure != 0.0}
    for key, figure in kept.items():
        assert figure == pytest.approx(float(of_number(key) @ query), abs=0.01)
    assert list(known.ids) == sorted(set(known.ids.tolist()))
    return set(kept)


changes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 90), st.sets(st.integers(1, 300), max_size=6)),
    max_size=6,
)


@given(changes)
def test_they_follow_what_is_written_and_loaded(steps: list[tuple[bool, int, set[int]]]) -> None:
    cache, wanted, version = CodeCache(), set[int](), 1
    cache.extend(KEY, NOTHING, keys([]), of_numbers([]), version=version, now=NOW)
    for is_own, count, gone in steps:
        first = max(cache.get(KEY, NOW).last, *wanted, 0) + 1
        new = list(range(first, first + count))
        if is_own:
            added = [(pk, KEY[2], of_number(pk).tobytes()) for pk in new]
            cache.follow(7, before=version, after=version + 1, added=added)
            cache.erase(7, gone)
            wanted = (wanted | set(new)) - gone
        else:
            known = cache.get(KEY, NOW)
            cache.extend(KEY, known, keys(new), of_numbers(new), version=version + 1, now=NOW)
            wanted |= set(new)
        version += 1
        assert cache.get(KEY, NOW).version == version
        assert held(cache) == wanted


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 60)))
def test_a_check_keeps_what_is_there_up_to_what_was_missed(known: set[int], now: set[int]) -> None:
    codes = NOTHING.followed_by(keys(sorted(known)), of_numbers(sorted(known)))
    checked = codes.up_to_what_differs(keys(sorted(now)), NOW)
    missed = min((key for key in now - known if key <= codes.last), default=1000)
    assert checked.ids.tolist() == sorted(key for key in known & now if key < missed)
    assert checked.version is None


def test_two_who_load_the_same_keep_it_once() -> None:
    cache = CodeCache()
    first = cache.extend(KEY, NOTHING, keys([1, 2]), of_numbers([1, 2]), version=None, now=NOW)
    again = cache.extend(KEY, NOTHING, keys([1, 2]), of_numbers([1, 2]), version=None, now=NOW)
    assert again is first
    assert held(cache) == {1, 2}


def test_what_is_in_use_is_not_driven_out() -> None:
    cache, other = CodeCache(200 * BYTES_OF_ONE), ("db", 8, "embedder")
    some = list(range(1, 101))
    cache.extend(KEY, NOTHING, keys(some), of_numbers(some), version=1, now=NOW)
    assert not cache.admits(other, 150, NOW)
    assert held(cache) == set(some)
    assert cache.admits(other, 150, NOW + 2 * BUSY)
    assert cache.nbytes == 0


# --- In a search -------------------------------------------------------------------------------


@pytest.fixture
def reader(people: People) -> Reader:
    return people.reader(people.alice)


def found(reader: Reader, query: str, **options: object) -> list[str]:
    hits = search(reader=reader, query=query, parts=MEANING, **{"now": NOW, **options})  # type: ignore[arg-type]
    return [hit.entry.content for hit in hits]


@pytest.fixture
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    by_pgvector._following._text.cache_clear()
    monkeypatch.setattr(by_pgvector, "LOADED_AT_ONCE", 7)
    yield
    by_pgvector._following._text.cache_clear()


@pytest.fixture
def _of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written here is as if another process wrote it."""
    for module in ("shelf", "at_once"):
        monkeypatch.setattr(f"memory.services.{module}.follow", lambda *_, **__: None)


@pytest.mark.usefixtures("_few_at_once", "_of_others")
def test_it_is_found_while_some_is_at_hand_and_what_others_write_too(
    people: People, reader: Reader
) -> None:
    for number in range(30):
        remember(people.ours, f"The tram line number {number} was decided.")
    remember(people.ours, "A heat pump warms an insulated house.")
    first = found(reader, "heating for a house")
    assert first[0] == "A heat pump warms an insulated house."
    for _ in range(6):
        assert found(reader, "heating for a house") == first
    stove = remember(people.ours, "A stove warms an old house.")
    assert set(found(reader, "heating for a house")[:2]) == {first[0], stove.content}
    forget(entry_ids=[stove.pk], reader=reader, now=NOW)
    assert stove.content not in found(reader, "heating for a house")


@pytest.mark.usefixtures("_of_others")
def test_what_others_forget_is_gone_from_here_after_a_minute(
    people: People, reader: Reader
) -> None:
    kept = remember(people.ours, "The tram line was decided.")
    gone = remember(people.ours, "The tram was expensive.")
    found(reader, "tram")
    forget(entry_ids=[gone.pk], reader=reader, now=NOW)
    found(reader, "tram", now=NOW + timedelta(minutes=2))
    there = list(by_pgvector._codes._kept.values())
    assert len(there) == (connection.vendor == "postgresql")
    assert all(codes.all_ids[codes.all_scales > 0].tolist() == [kept.pk] for codes in there)


def test_the_few_that_may_be_found_are_found_among_many_that_are_nearer(
    people: People, reader: Reader
) -> None:
    for number in range(60):
        remember(people.ours, f"The tram line number {number}.")
    rare = remember(
        people.ours, "A line of trams costs money, says the treasurer.", tier=Tier.MEDIUM
    )
    assert found(reader, "tram line number", only=Filter(tiers=[Tier.MEDIUM])) == [rare.content]


def test_without_room_the_database_alone_is_asked(
    people: People, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_pgvector, "_codes", CodeCache(0))
    remember(people.ours, "The tram line was decided.")
    remember(people.ours, "A heat pump warms an insulated house.")
    assert found(reader, "heating a house")[0] == "A heat pump warms an insulated house."
    assert by_pgvector._codes.nbytes == 0
