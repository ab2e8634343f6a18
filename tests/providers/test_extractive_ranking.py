"""Sentences are ranked by what they say to the question, and chosen not to repeat each other."""

import math

import pytest

from debates.engine.types import Brief, Document
from debates.providers.extractive.corpus import CORPUS
from debates.providers.extractive.index import (
    K1,
    B,
    Index,
    IndexCache,
    Source,
    choose_diverse,
    similarity,
)
from debates.providers.extractive.personas import DEFAULT_PERSONAS, READER, persona_for
from debates.providers.extractive.reading import read

TRAMS = "Trams carry many passengers. Buses carry fewer passengers. The weather was fine yesterday."
EVERYTHING = frozenset({0})


def index_of(*texts: str) -> Index:
    return Index([Source(str(number), "", text) for number, text in enumerate(texts, 1)])


def test_the_score_is_bm25() -> None:
    index = index_of(TRAMS)
    ranked = index.rank({"tram": 1.0, "passenger": 1.0}, EVERYTHING)
    # Three sentences of 4, 4 and 3 content words: "many" and "fewer" differ in kind.
    lengths = [len(passage.terms) for passage in index.passages]
    average = sum(lengths) / 3

    def gain(containing: int, length: int) -> float:
        idf = math.log(1 + (3 - containing + 0.5) / (containing + 0.5))
        return idf * (K1 + 1) / (1 + K1 * (1 - B + B * length / average))

    first = gain(1, lengths[0]) + gain(2, lengths[0])
    second = gain(2, lengths[1])
    assert ranked == pytest.approx({0: 1.0, 1: second / first})


def test_words_of_heading_and_title_count_for_less() -> None:
    index = Index([Source("1", "Trams", "## Passengers\n\nThey pay too little. Trams are quiet.")])
    ranked = index.rank({"tram": 1.0}, EVERYTHING)
    assert 0 < ranked[0] < ranked[1] == 1.0
    assert index.rank({"passenger": 1.0}, EVERYTHING)


def test_only_the_chosen_sources_are_ranked() -> None:
    index = index_of(TRAMS, TRAMS)
    assert {index.passages[p].label for p in index.rank({"tram": 1.0}, frozenset({1}))} == {"2"}


def test_near_repetitions_are_chosen_late() -> None:
    index = index_of(
        "Trams carry many passengers daily. Trams carry many passengers weekly. "
        "Trams need long steel rails."
    )
    ranked = index.rank({"tram": 1.0}, EVERYTHING)
    first, second, third = choose_diverse(index.passages, lambda p: ranked[p.place], 3)
    assert "rails" in second.text
    assert similarity(first, third) > similarity(first, second)


def test_quotations_are_found_whole_or_by_their_first_words() -> None:
    index = index_of(TRAMS)
    assert index.find("Trams  carry many\npassengers.") is index.passages[0]
    assert index.find("Buses carry fewer passengers …") is index.passages[1]
    assert index.find("Buses …") is None
    assert index.find("Zeppelins carry nobody at all.") is None


def test_personas_are_told_from_their_text() -> None:
    for persona in DEFAULT_PERSONAS:
        assert persona_for(persona.description) is persona
    assert persona_for("You are a Sceptic about most things.").key == "skeptic"
    assert persona_for("You are a gardener.") is READER


def test_personas_rank_differently() -> None:
    document = Document(1, "", CORPUS[1].text)
    brief = Brief("Should companies move to a four-day work week?", "", (document,), "")
    reading = read(brief)
    orders = {
        tuple(passage.place for passage in reading.pool(persona)) for persona in DEFAULT_PERSONAS
    }
    assert len(orders) == len(DEFAULT_PERSONAS)


def test_the_corpus_is_read_when_the_documents_do_not_speak_to_the_question() -> None:
    question = "Should cities make public transport free?"
    garden = Document(1, "Garden", "Roses need water. Tulips need a cold winter to flower.")
    labels = {passage.label for passage in read(Brief(question, "", (garden,), "")).passages}
    assert labels == {"106"}
    assert {p.label for p in read(Brief(question, "", (), "")).passages} == {"106"}
    assert {p.label for p in read(Brief(question, "", CORPUS, "")).passages} == {"106"}


def test_a_sentence_beside_a_relevant_one_is_relevant_too() -> None:
    text = "The tram would serve the harbour. It would cost 90 million euros. Nobody asked for it."
    reading = read(Brief("Should we build the tram?", "", (Document(1, "", text),), ""))
    assert reading.relevance == pytest.approx({0: 1.0, 1: 0.3, 2: 0.1})


def test_a_long_text_is_not_taken_whole() -> None:
    text = "The tram runs. " + "The weather was fine. " * 100
    reading = read(Brief("Should we build the tram?", "", (Document(1, "", text),), ""))
    assert reading.relevance == pytest.approx({0: 1.0, 1: 0.3})


def test_the_corpus_is_left_alone_when_the_documents_do() -> None:
    tram = Document(1, "Tram", "Free public transport emptied the streets of our city.")
    brief = Brief("Should cities make public transport free?", "", (tram,), "")
    assert {passage.label for passage in read(brief).passages} == {"1"}


def test_the_context_can_be_quoted_and_widens_the_question() -> None:
    brief = Brief("Should we build the tram?", "Our tram would serve the harbour.", (), "")
    assert [passage.label for passage in read(brief).passages] == ["context"]


def test_a_question_about_something_else_finds_nothing() -> None:
    assert not read(Brief("What is the capital of France?", "", CORPUS, "")).passages
    assert not read(Brief("", "", CORPUS, "")).passages


def test_indexes_are_built_once_and_forgotten_when_they_grow_too_many() -> None:
    cache = IndexCache(max_size=100)
    first, second = (Source("1", "", "a" * 60),), (Source("1", "", "b" * 60),)
    index = cache.get(first)
    assert cache.get((Source("1", "", "a" * 60),)) is index
    cache.get(second)
    assert cache.get(first) is not index
