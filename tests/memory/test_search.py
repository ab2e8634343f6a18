"""What is found: by meaning and by words, without repetition, within a budget, and nothing of
other tenants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from memory import words
from memory.embeddings.base import DIMENSIONS
from memory.fusion import diversify, fuse
from memory.models import Entry, Kind
from memory.scopes import Reader, ScopeName
from memory.selectors.candidates import Filter
from memory.selectors.nearest import Matrix, MatrixCache
from memory.selectors.search import Parts, is_empty, search
from memory.services.entries import forget
from memory.tiers import Tier
from memory.words import coverage, terms, tokens_of
from tests.memory.conftest import NOW, People, remember

TRAM = "The council decided to build the tram line along the river."
RAIL = "Light rail through the city centre was rejected because of its cost."
DATABASE = "The team chose PostgreSQL over SQLite for its concurrent writers."
HEATING = "An old house is best heated with a heat pump once it is insulated."


@pytest.fixture
def reader(people: People) -> Reader:
    for content in (TRAM, RAIL, DATABASE, HEATING):
        remember(people.ours, content, tier=Tier.GLACIAL)
    return people.reader(people.alice)


def contents(reader: Reader, query: str, **options: object) -> list[str]:
    return [hit.entry.content for hit in search(reader=reader, query=query, now=NOW, **options)]  # type: ignore[arg-type]


def test_meaning_finds_what_words_do_not(reader: Reader) -> None:
    query = "Which DBMS suits a startup, MySQL or MariaDB?"
    assert contents(reader, query, parts=Parts(words=False))[0] == DATABASE
    assert DATABASE not in contents(reader, query, parts=Parts(meaning=False))


def test_words_find_what_is_named(reader: Reader) -> None:
    assert contents(reader, "PostgreSQL", parts=Parts(meaning=False)) == [DATABASE]
    assert contents(reader, "trams and rivers", parts=Parts(meaning=False)) == [TRAM]


def test_a_hit_says_why(reader: Reader) -> None:
    hit = search(reader=reader, query="Should we build a tram line?", now=NOW)[0]
    assert hit.entry.content == TRAM
    assert (hit.meaning_rank, hit.words_rank) == (1, 1)
    assert hit.score == 1.0
    assert "close in meaning" in hit.why


def test_what_is_not_about_the_question_is_not_clear(reader: Reader) -> None:
    assert TRAM in contents(reader, "Should we build a tram line?", clear_only=True)
    assert contents(reader, "What is the capital of Australia?", clear_only=True) == []


@pytest.mark.parametrize(
    "query",
    ["", "   ", '"', "a AND (b OR", "'; DROP TABLE memory_entry; --", "*", "\\", "é ü 電車"],
)
def test_any_query_is_answered(reader: Reader, query: str) -> None:
    search(reader=reader, query=query, now=NOW)
    assert Entry.objects.count() == 4


def test_filters(people: People, reader: Reader) -> None:
    remember(people.ours, "A tram fact.", kind=Kind.FACT, tier=Tier.MEDIUM, importance=0.9)
    for only in (
        Filter(tiers=[Tier.MEDIUM]),
        Filter(kinds=[Kind.FACT]),
        Filter(min_importance=0.8),
    ):
        assert contents(reader, "tram", only=only) == ["A tram fact."]


def test_the_same_thing_said_twice_takes_one_place(people: People) -> None:
    for number in range(3):
        remember(people.ours, f"The council decided to build the tram line, protocol {number}.")
    remember(people.ours, "A tram was once derailed by snow.")
    first_two = contents(people.reader(people.alice), "tram", limit=2)
    assert "A tram was once derailed by snow." in first_two


def test_the_budget_of_tokens_holds(reader: Reader) -> None:
    budget = tokens_of(TRAM) + 2
    found = contents(reader, "tram line, light rail, PostgreSQL", token_budget=budget)
    assert found
    assert sum(map(tokens_of, found)) <= budget
    assert contents(reader, "tram", token_budget=0) == []


# --- Whose -------------------------------------------------------------------------------------


def test_a_stranger_finds_nothing_of_alice(people: People) -> None:
    own = ScopeName.of_user(people.alice.pk, people.team.pk)
    remember(people.ours, "Our team likes trams.")
    remember(own, "Alice herself likes trams.")
    shared = ScopeName.of_workspace(None)
    remember(shared, "Everybody likes trams.", is_public=True)

    def found(reader: Reader) -> set[str]:
        return set(contents(reader, "who likes trams"))

    assert found(people.reader(people.alice)) == {
        "Our team likes trams.",
        "Alice herself likes trams.",
    }
    assert found(people.reader(people.bob)) == {"Our team likes trams."}
    assert found(people.reader(people.charlie)) == set()
    assert found(Reader(is_shared=True)) == {"Everybody likes trams."}
    assert is_empty(reader=people.reader(people.charlie), now=NOW)
    assert not is_empty(reader=people.reader(people.bob), now=NOW)


def test_many_of_another_tenant_do_not_crowd_out_the_own(people: People) -> None:
    theirs = ScopeName.of_workspace(people.elsewhere.pk)
    for number in range(150):
        remember(theirs, f"Tram line number {number} is decided.")
    remember(people.ours, "We once spoke of a tram.")
    for parts in (Parts(words=False), Parts(meaning=False)):
        found = contents(people.reader(people.bob), "tram line decided", parts=parts)
        assert found == ["We once spoke of a tram."]


def test_words_that_nearly_everything_has_are_left_out_where_there_is_much(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memory.selectors.mentions.MOST_SCORED", 5)
    for number in range(12):
        remember(people.ours, f"Tram line {number} is decided.")
    remember(people.ours, "The funicular is decided.")
    reader, parts = people.reader(people.alice), Parts(meaning=False)
    assert contents(reader, "the funicular decided", parts=parts)[0] == "The funicular is decided."
    # With nothing rarer there, the frequent ones are looked for all the same.
    assert len(contents(reader, "tram decided zeppelin", parts=parts)) == 10


# --- What changed is seen ----------------------------------------------------------------------


def test_what_is_stored_and_forgotten_between_searches_is_seen(people: People) -> None:
    reader = people.reader(people.alice)
    first = remember(people.ours, TRAM)
    assert contents(reader, "tram line") == [TRAM]
    remember(people.ours, "The tram line opened in May.")
    assert len(contents(reader, "tram line")) == 2
    forget(entry_ids=[first.pk], reader=reader, now=NOW)
    assert contents(reader, "tram line") == ["The tram line opened in May."]


def test_where_everything_was_forgotten_nothing_is_found(people: People) -> None:
    reader = people.reader(people.alice)
    forget(entry_ids=[remember(people.ours, TRAM).pk], reader=reader, now=NOW)
    for parts in (Parts(), Parts(meaning=False)):
        assert contents(reader, "tram line", parts=parts) == []


def test_hash_vectors_are_always_there(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ARAGORA", replace(settings.ARAGORA, embedder="hash"))
    remember(people.ours, DATABASE)
    remember(people.ours, HEATING)
    found = contents(people.reader(people.alice), "heat an old house", parts=Parts(words=False))
    assert found[0] == HEATING


lots = st.lists(
    st.tuples(st.integers(0, 200), st.sets(st.integers(1, 400), max_size=9)), max_size=5
)


@given(lots)
def test_vectors_at_hand_follow_what_is_written(changes: list[tuple[int, set[int]]]) -> None:
    """Whatever number is added and removed at once, they are as if they were read anew."""
    cache, held, version, key = MatrixCache(), {1: unit(1)}, 0, ("db", 7, "embedder")

    def read() -> Matrix:
        return cache.get(key, version=version, ids=lambda: sorted(held), load=lambda _: held)

    read()
    for count, gone in changes:
        first = max(held, default=0) + 1
        added = {first + number: unit(first + number) for number in range(count)}
        news = [(pk, "embedder", vector) for pk, vector in added.items()]
        cache.follow(7, before=version, after=version + 1, added=news)
        cache.erase(gone)
        held = {pk: vector for pk, vector in (held | added).items() if pk not in gone}
        version += 1
        matrix = cache._kept[key]
        assert matrix.version == version
        there = matrix.vectors.any(axis=1)
        found = zip(matrix.ids[there], matrix.vectors[there], strict=True)
        assert {int(pk): row.tobytes() for pk, row in found} == held


def unit(number: int) -> bytes:
    row = np.zeros(DIMENSIONS, dtype=np.float32)
    row[number % DIMENSIONS] = 1.0 + number
    return row.tobytes()


# --- The arithmetic ----------------------------------------------------------------------------

rankings = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=12), max_size=3)


@given(rankings)
def test_fusion_keeps_everything_and_prefers_what_all_prefer(
    given_rankings: list[list[int]],
) -> None:
    fused = fuse(given_rankings)
    assert set(fused) == {key for ranking in given_rankings for key in ranking}
    firsts = {ranking[0] for ranking in given_rankings if ranking}
    if len(firsts) == 1 and all(given_rankings):
        assert next(iter(fused)) == firsts.pop()
    assert list(fused.values()) == sorted(fused.values(), reverse=True)


@given(st.dictionaries(st.integers(0, 20), st.floats(0.01, 1.0), max_size=10), st.integers(0, 12))
def test_diversity_chooses_each_once(scores: dict[int, float], limit: int) -> None:
    alike = [[float(one % 3 == other % 3) for other in scores] for one in scores]
    chosen = diversify(scores, alike, limit=limit)
    assert len(chosen) == len(set(chosen)) == min(limit, len(scores))
    if chosen:
        assert scores[chosen[0]] == max(scores.values())


@given(st.text("aeds yÉß_1\n-", max_size=40), st.text("aeds yÉß_1\n-", max_size=60))
def test_coverage_is_the_share_of_stems_that_both_have(query: str, text: str) -> None:
    asked = {words.stem(term) for term in terms(query)}
    said = {words.stem(word) for word in words._WORD.findall(text.lower())}
    assert coverage(query, text) == (len(asked & said) / len(asked) if asked else 0.0)


def test_terms_and_coverage() -> None:
    assert terms("Should the town build a Tram?") == ["town", "build", "tram"]
    assert coverage("Should the town build trams?", "A tram was built in the towns.") >= 0.6
    assert coverage("", "anything") == 0.0
