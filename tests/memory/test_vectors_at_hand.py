"""What a process keeps of vectors where pgvector has them, and that a search finds the same with
all of it, some of it and none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from memory.embeddings.base import DIMENSIONS, Vectors
from memory.models import Entry
from memory.scopes import Reader, ScopeName
from memory.selectors import by_pgvector
from memory.selectors.candidates import Filter
from memory.selectors.codes import BUSY, BYTES_OF_ONE, NOTHING, CodeCache, Codes, Key
from memory.selectors.search import Parts, search
from memory.services.entries import forget
from memory.services.upkeep import reindex
from memory.tiers import Tier
from tests.memory.conftest import NOW, People, remember

KEY = ("db", 7, "embedder")
MEANING = Parts(words=False)
needs_pgvector = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="others keep vectors in another way"
)


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


def extend(
    cache: CodeCache,
    numbers: list[int],
    *,
    key: Key = KEY,
    known: Codes = NOTHING,
    version: int = 1,
    now: datetime = NOW,
    is_all: bool = True,
) -> Codes:
    return cache.extend(
        key,
        known,
        keys(numbers),
        of_numbers(numbers),
        version=version,
        is_all=is_all,
        is_checked=True,
        now=now,
    )


def held(cache: CodeCache) -> set[int]:
    """The keys whose vectors are there, each of which is about right."""
    known = cache.get(KEY, 0, NOW)
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
    extend(cache, [], version=version)
    for is_own, count, gone in steps:
        first = max(cache.get(KEY, 0, NOW).last, *wanted, 0) + 1
        new = list(range(first, first + count))
        if is_own:
            added = [(pk, KEY[2], of_number(pk).tobytes()) for pk in new]
            cache.follow(7, before=version, after=version + 1, added=added)
            cache.erase(7, gone)
            wanted = (wanted | set(new)) - gone
        else:
            known = cache.get(KEY, version, NOW)
            extend(cache, new, known=known, version=version + 1)
            wanted |= set(new)
        version += 1
        assert cache.get(KEY, version, NOW).version == version
        assert held(cache) == wanted


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 60)))
def test_a_check_keeps_what_is_there_up_to_what_was_missed(known: set[int], now: set[int]) -> None:
    codes = NOTHING.followed_by(keys(sorted(known)), of_numbers(sorted(known)))
    checked = codes.up_to_what_differs(keys(sorted(now)), 5, NOW)
    missed = min((key for key in now - known if key <= codes.last), default=1000)
    assert checked.ids.tolist() == sorted(key for key in known & now if key < missed)
    assert checked.version == (5 if set(checked.ids.tolist()) == now else None)


def test_two_who_load_the_same_keep_it_once() -> None:
    cache = CodeCache()
    first = extend(cache, [1, 2], is_all=False)
    again = extend(cache, [1, 2], is_all=False)
    assert again is first
    assert held(cache) == {1, 2}


def test_what_is_in_use_is_not_driven_out() -> None:
    cache, other = CodeCache(300 * BYTES_OF_ONE), ("db", 8, "embedder")
    some = list(range(1, 101))
    extend(cache, some)
    assert not cache.admits(other, 150, NOW)
    assert held(cache) == set(some)
    assert cache.admits(other, 150, NOW + 2 * BUSY)
    assert cache.nbytes == 0


growths = st.lists(
    st.tuples(st.sampled_from(["load", "follow", "check"]), st.integers(1, 4), st.integers(0, 90)),
    max_size=20,
)


@given(growths)
def test_its_bytes_are_a_bound_however_it_grows(steps: list[tuple[str, int, int]]) -> None:
    cache, now = CodeCache(300 * BYTES_OF_ONE), NOW
    for version, (how, scope_id, count) in enumerate(steps, start=1):
        now += BUSY / 2
        key = ("db", scope_id, "embedder")
        known = cache.get(key, version, now)
        new = list(range(known.last + 1, known.last + count + 1))
        if how == "load":
            extend(cache, new, key=key, known=known, version=version, now=now)
        elif how == "follow":
            before = known.version or 0
            added = [(pk, key[2], of_number(pk).tobytes()) for pk in new]
            cache.follow(scope_id, before=before, after=version, added=added)
        elif known.count:
            left = known.up_to_what_differs(known.ids[::2], version, now)
            cache.put(key, known, left, now)
        assert cache.nbytes == sum(codes.nbytes for codes in cache._kept.values())
        assert cache.nbytes <= 300 * BYTES_OF_ONE


def test_what_is_written_where_there_is_no_room_is_left_to_the_database() -> None:
    cache = CodeCache(200 * BYTES_OF_ONE)
    extend(cache, [1, 2], key=("db", 8, "embedder"))
    extend(cache, [1, 2])
    added = [(pk, KEY[2], of_number(pk).tobytes()) for pk in range(3, 83)]
    cache.follow(7, before=1, after=2, added=added)
    assert held(cache) == {1, 2}
    assert cache.get(KEY, 2, NOW).version == 1
    cache.get(KEY, 1, NOW + 2 * BUSY)
    cache.follow(7, before=1, after=2, added=added)
    assert held(cache) == set(range(1, 83))


# --- In a search -------------------------------------------------------------------------------


@pytest.fixture
def reader(people: People) -> Reader:
    return people.reader(people.alice)


def found(reader: Reader, query: str, **options: object) -> list[str]:
    hits = search(reader=reader, query=query, parts=MEANING, **{"now": NOW, **options})  # type: ignore[arg-type]
    return [hit.entry.content for hit in hits]


def at_hand() -> list[int]:
    """The keys whose vectors are there."""
    there = by_pgvector._codes._kept.values()
    return [key for codes in there for key in codes.all_ids[codes.all_scales > 0].tolist()]


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


@needs_pgvector
@pytest.mark.usefixtures("_of_others")
@pytest.mark.parametrize("searches", [[120], [10, 70]], ids=["later", "within the minute, too"])
def test_what_others_forget_is_gone_from_here_after_a_minute(
    people: People, reader: Reader, searches: list[int]
) -> None:
    kept = remember(people.ours, "The tram line was decided.")
    gone = remember(people.ours, "The tram was expensive.")
    found(reader, "tram")
    forget(entry_ids=[gone.pk], reader=reader, now=NOW)
    for seconds in searches:
        found(reader, "tram", now=NOW + timedelta(seconds=seconds))
    assert at_hand() == [kept.pk]


@needs_pgvector
@pytest.mark.usefixtures("_of_others")
def test_it_is_gone_too_when_there_is_no_room(
    people: People, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = remember(people.ours, "The tram line was decided.")
    gone = remember(people.ours, "The tram was expensive.")
    found(reader, "tram")
    monkeypatch.setattr(by_pgvector._codes, "_most_bytes", 0)
    new = remember(people.ours, "A tram is late.")
    forget(entry_ids=[gone.pk], reader=reader, now=NOW)
    hits = found(reader, "tram", now=NOW + timedelta(minutes=2))
    assert set(hits) == {kept.content, new.content}
    assert at_hand() == [kept.pk]


@needs_pgvector
@pytest.mark.usefixtures("_of_others")
@pytest.mark.parametrize("everything", [False, True])
def test_what_another_process_embeds_anew_is_found_at_once(
    people: People, reader: Reader, *, everything: bool
) -> None:
    heat = remember(people.ours, "A heat pump warms an insulated house.")
    tram = remember(people.ours, "The tram line was decided.")
    # As another model would have it, under the same name or under one of its own.
    vectors = dict(Entry.objects.values_list("pk", "vector"))
    Entry.objects.filter(pk=heat.pk).update(
        vector=vectors[tram.pk], embedder=heat.embedder if everything else "before"
    )
    assert heat.content not in found(reader, "heating a house")
    reindex(everything=everything)
    assert found(reader, "heating a house", now=NOW + timedelta(seconds=1)) == [heat.content]


@needs_pgvector
@pytest.mark.usefixtures("_few_at_once", "_of_others")
def test_a_scope_without_room_does_not_take_the_turn_of_others(
    people: People, reader: Reader
) -> None:
    for number in range(9):
        remember(people.ours, f"The tram line number {number}.")
    own = ScopeName.of_user(people.alice.pk, people.team.pk)
    gone = remember(own, "My tram was expensive.")
    for _ in range(4):
        found(reader, "tram")
    by_pgvector._codes._most_bytes = by_pgvector._codes.nbytes
    for number in range(100):
        remember(people.ours, f"The tram line letter {number}.")  # More than there are free rows.
    forget(entry_ids=[gone.pk], reader=reader, now=NOW)
    for _ in range(12):
        found(reader, "tram", now=NOW + timedelta(minutes=2))
    assert gone.pk not in at_hand()


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
