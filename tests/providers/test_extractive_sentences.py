"""Texts are split into sentences that stay word for word what they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debates.providers.extractive import text
from debates.providers.extractive.text import MAX_SENTENCE, sentences, stem, terms


def split(document: str) -> list[str]:
    return [sentence.text for sentence in sentences(document)]


def test_sentences_end_at_stops_before_a_new_beginning() -> None:
    assert split("The tram runs again. It cost 4.2 million euros! Nobody had planned so much.") == [
        "The tram runs again.",
        "It cost 4.2 million euros!",
        "Nobody had planned so much.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Miller of the U.S. agency counted the passengers.",
        "The line is short, e.g. Market to Station, and busy.",
        "Prices rose by approx. 3 percent within a year.",
        "The engineer J. Smith built the first of them.",
    ],
)
def test_abbreviations_end_no_sentence(sentence: str) -> None:
    assert split(f"{sentence} It runs every day now.") == [sentence, "It runs every day now."]


def test_lines_of_a_paragraph_are_joined() -> None:
    assert split("The tram cut\n  traffic by\na tenth.") == ["The tram cut traffic by a tenth."]


def test_headings_are_not_quoted_but_known() -> None:
    found = list(
        sentences(
            "# Trams\n\n## In favour\n\nThey cut traffic a lot.\n\nDrawbacks\n\nThey do cost much."
        )
    )
    assert [(s.heading, s.text) for s in found] == [
        ("In favour", "They cut traffic a lot."),
        ("Drawbacks", "They do cost much."),
    ]


def test_list_items_are_sentences_of_their_own() -> None:
    assert split(
        "- trams are quiet and clean\n- trams need rails and wires\n2. and people to drive"
    ) == [
        "trams are quiet and clean",
        "trams need rails and wires",
        "and people to drive",
    ]


def test_rows_of_a_table_are_read_one_by_one_under_their_columns() -> None:
    found = list(sentences("stop,trams,buses\nMarket,12,4\nStation,8,9\n"))
    assert [(s.heading, s.text) for s in found] == [
        ("stop,trams,buses", "Market,12,4"),
        ("stop,trams,buses", "Station,8,9"),
    ]


def test_questions_and_fragments_are_no_evidence() -> None:
    assert split("Is the tram worth its price? Perhaps so. Nobody has counted it yet.") == [
        "Nobody has counted it yet."
    ]


def test_other_scripts_are_split_at_their_own_stops() -> None:
    assert split("电车减少了交通拥堵。费用超过了计划。") == [
        "电车减少了交通拥堵。",
        "费用超过了计划。",
    ]


@given(st.text(max_size=2000))
def test_every_sentence_stands_in_the_text(document: str) -> None:
    folded = " ".join(document.split())
    for sentence in split(document):
        assert sentence in folded
        assert len(sentence) <= MAX_SENTENCE


@pytest.mark.parametrize(
    "forms",
    [
        ("tram", "trams"),
        ("insulate", "insulated", "insulating", "insulation"),
        ("city", "cities"),
        ("plan", "planned", "planning", "plans"),
        ("cost", "costs"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len(set(map(stem, forms))) == 1


def test_different_words_keep_different_stems() -> None:
    found = ["new", "bus", "process", "rail", "railing", "nation", "universe"]
    assert len(set(map(stem, found))) == len(found) - 1  # rail and railing


def test_terms_leave_out_words_that_say_nothing() -> None:
    assert terms("Should the cities make it free?") == ["city", "free"]
    assert text.words("Don’t stop") == ["don't", "stop"]
