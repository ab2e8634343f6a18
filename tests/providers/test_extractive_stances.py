"""What a question can be answered with, and for which answer a sentence speaks."""

import pytest

from debates.providers.extractive import cues
from debates.providers.extractive.index import Index, Source
from debates.providers.extractive.stances import DEPENDS, SILENT, stance_of, support, understand


@pytest.mark.parametrize(
    "question",
    [
        "Should cities make public transport free?",
        "For a small team, should we hire a designer?",
        "Is it safe to swim in the river or not?",
        "We have some money left. Should we invest it? Thanks.",
        "Resolved: cities should be free of cars.",
        "Does exercise help against colds",
    ],
)
def test_these_want_yes_or_no(question: str) -> None:
    assert understand(question).options == ("Yes", "No")


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("SQLite or PostgreSQL for a new web product?", ("SQLite", "PostgreSQL")),
        (
            "Should a small team start with a monolith or microservices?",
            ("Monolith", "Microservices"),
        ),
        ("Tea, coffee or water?", ("Tea", "Coffee", "Water")),
        ("Which is better, tabs or spaces?", ("Tabs", "Spaces")),
        ("Is it better to rent or buy a house?", ("Rent", "Buy a house")),
        ("Vim vs. Emacs for beginners?", ("Vim", "Emacs")),
        (
            "Should we rewrite our importer as a streaming service, or refactor it in place?",
            ("Rewrite our importer as a streaming service", "Refactor it in place"),
        ),
        (
            "Should we rewrite the importer or refactor it?",
            ("Rewrite the importer", "Refactor it"),
        ),
        ("Should we buy or build the billing system?", ("Buy", "Build the billing system")),
        ("Should we move to Berlin or stay in Munich?", ("Move to Berlin", "Stay in Munich")),
        (
            "Should we keep using Jira or switch to Linear?",
            ("Keep using Jira", "Switch to Linear"),
        ),
        ("Should we hire Anna or Bob for the role of lead?", ("Anna", "Bob")),
        ("What comes first: insulate or install a heat pump?", ("Insulate", "Install a heat pump")),
    ],
)
def test_these_want_one_of_the_alternatives(question: str, options: tuple[str, ...]) -> None:
    assert understand(question).options == options


@pytest.mark.parametrize(
    "question",
    [
        "Should a small team rewrite the importer or refactor it?",
        "What makes remote work succeed?",
        "How should we price it?",
        "Why?",
        "",
        "or or?",
    ],
)
def test_these_are_open(question: str) -> None:
    assert understand(question).is_open


@pytest.mark.parametrize(
    ("question", "answer", "stance"),
    [
        ("Should we go?", "yes.", "Yes"),
        ("Should we go?", "No, because it rains.", "No"),
        ("Should we go?", "It depends on the rain.", DEPENDS),
        ("Should we go?", "Nobody knows.", "Nobody knows."),
        ("Should we go?", "I don't know.", SILENT),
        ("SQLite or PostgreSQL?", "unknown", SILENT),
        ("SQLite or PostgreSQL?", "I would start with postgresql", "PostgreSQL"),
        ("SQLite or PostgreSQL?", "Either SQLite or PostgreSQL", "Either SQLite or PostgreSQL"),
        ("What helps?", "Sleep  helps.", "Sleep helps."),
    ],
)
def test_answers_of_others_are_brought_to_a_stance(question: str, answer: str, stance: str) -> None:
    assert stance_of(understand(question), answer) == stance


def supported(question: str, document: str) -> list[str]:
    """The answer that each sentence of a document supports most; "" for none."""
    index = Index((Source("1", "", document),))
    found = [support(understand(question), passage) for passage in index.passages]
    return [max(leaning, key=lambda answer: leaning[answer], default="") for leaning in found]


@pytest.mark.parametrize(
    ("question", "sentence", "answer"),
    [
        ("Should we rewrite it or refactor it?", "A rewrite is a great risk.", "Refactor it"),
        ("Should we buy or build the billing system?", "The billing system is slow.", ""),
        ("Should we move to Berlin or stay in Munich?", "Berlin is cheaper.", "Move to Berlin"),
        ("Should we keep using Jira or switch to Linear?", "Linear is simple.", "Switch to Linear"),
    ],
)
def test_a_thing_to_do_is_named_by_what_sets_it_apart(
    question: str, sentence: str, answer: str
) -> None:
    assert supported(question, sentence) == [answer]


def test_words_take_sides() -> None:
    document = "Trams are a great benefit to cities. Trams are expensive. Trams run on rails."
    assert supported("Should we build trams?", document) == ["Yes", "No", ""]


def test_a_fall_of_something_bad_is_good() -> None:
    assert cues.polarity("Accidents fell by half within a year.") > 0
    assert cues.polarity("Revenue fell by half within a year.") < 0
    assert cues.polarity("Costs rose in every single year.") < 0


@pytest.mark.parametrize(
    "sentence",
    [
        "A rewrite would bring prices up to date within a minute.",
        "It would not make prices fresher than one night.",
        "Only five tickets asked for prices during the day.",
        "Our recommendation so far is undecided.",
    ],
)
def test_a_quantity_without_a_direction_takes_no_side(sentence: str) -> None:
    assert cues.polarity(sentence) == 0


def test_to_remove_something_bad_is_good() -> None:
    assert cues.polarity("That would remove the causes of 14 of the 17 failures.") > 0
    assert cues.polarity("It would not remove the causes of the failures.") < 0
    assert cues.polarity("Nobody would fix the failing importer.") < 0
    assert cues.polarity("The fix caused two failures.") < 0
    assert cues.polarity("Fixed costs are a burden.") < 0


def test_a_negation_turns_a_word_around() -> None:
    assert cues.polarity("The tram is not reliable in winter.") < 0
    assert cues.polarity("There was no failure in ten years.") > 0


def test_what_follows_a_but_counts_more() -> None:
    assert cues.polarity("It is cheap and simple, but dangerous and a great risk.") < 0
    assert cues.polarity("Although it is expensive, it is a benefit to all.") > 0


def test_a_heading_says_more_than_the_words() -> None:
    document = "Against\n\nThe tram is a benefit, says its maker."
    assert supported("Should we build trams?", document) == ["No"]


def test_praise_of_a_thing_speaks_against_ending_it() -> None:
    document = "Trams are a great benefit to cities. To abolish them would be a benefit to all."
    assert supported("Should we abolish trams?", document) == ["No", "Yes"]


def test_a_condition_says_that_it_depends() -> None:
    document = "It depends on the length of the line."
    assert supported("Should we build trams?", document) == [DEPENDS]


def test_blame_of_one_alternative_speaks_for_the_other() -> None:
    document = (
        "SQLite is simple to run. SQLite is slow and fragile. PostgreSQL is safer than SQLite."
    )
    assert supported("SQLite or PostgreSQL?", document) == ["SQLite", "PostgreSQL", "PostgreSQL"]


def test_a_mixed_sentence_about_one_alternative_does_not_speak_for_the_other() -> None:
    document = "SQLite is simple, though slow with a risk of delay under many writers."
    assert cues.polarity(document) < 0
    assert supported("SQLite or PostgreSQL?", document) == [""]


@pytest.mark.parametrize("asked", ["Is SQLite slow?", "“Is SQLite slow?”", "(Is SQLite slow?)"])
def test_a_question_in_a_document_is_no_evidence(asked: str) -> None:
    assert supported("SQLite or PostgreSQL?", f"{asked} SQLite is simple.") == ["SQLite"]


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("RabbitMQ costs 40 percent less than Kafka.", "RabbitMQ"),
        ("Compared with Kafka, RabbitMQ costs 40 percent less.", "RabbitMQ"),
        ("Unlike Kafka, RabbitMQ is simple.", "RabbitMQ"),
        ("Kafka costs more than RabbitMQ.", "RabbitMQ"),
        ("RabbitMQ is less expensive than Kafka.", "RabbitMQ"),
        ("RabbitMQ has fewer outages than Kafka.", "RabbitMQ"),
        ("RabbitMQ is less reliable than Kafka.", "Kafka"),
    ],
)
def test_a_comparison_speaks_for_the_one_that_comes_off_better(sentence: str, answer: str) -> None:
    assert supported("Should we choose Kafka or RabbitMQ?", sentence) == [answer]
