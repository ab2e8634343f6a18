"""When two answers count as one."""

import pytest

from debates.engine.positions import candidate_id, normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yes", "yes."),
        ("Paris", "  **Paris**. "),
        ("Paris", '"Paris."'),
        ("the Nile", "Nile"),
        ("An apple", "apple"),
        ("The answer is: 42", "42"),
        ("Final answer: 42", "42"),
        ("42", "42.0"),
        ("42", "+42"),
        ("$42$", "42"),
        (r"\boxed{42}", "42"),
        ("1,000", "1000"),
        ("50 %", "50%"),
        (".5", "0.5"),
        ("−5", "-5"),
        ("H₂O", "H2O"),
        ("state-of-the-art", "state of the art"),
        ("Paris, France", "Paris France"),
        ("don’t", "don't"),
        ("Ｐａｒｉｓ", "paris"),
        ("two\nlines", "two lines"),
    ],
)
def test_another_way_to_write_it_is_the_same_answer(one: str, other: str) -> None:
    assert candidate_id(one) == candidate_id(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5", "-5"),
        ("$42", "42"),
        ("$42", "€42"),
        ("50%", "50"),
        ("3.10", "3.1"),
        ("10²", "102"),
        ("1½", "11/2"),
        ("5!", "5"),
        ("C", "C++"),
        ("C", "C#"),
        ("A", "A*"),
        ("A and B", "B"),
        ("1.0.0", "1.0"),
        ("x-y", "x y"),
        ("__init__", "init"),
        ("10.5", "105"),
        ("Yes", "No"),
        ("007", "7"),
    ],
)
def test_what_may_mean_something_else_is_another_answer(one: str, other: str) -> None:
    assert candidate_id(one) != candidate_id(other)


def test_an_answer_of_punctuation_alone_is_not_empty() -> None:
    assert normalise("?") == "?"
    assert normalise("...") == "..."


def test_only_nothing_is_nothing() -> None:
    assert normalise(" \n\t") == ""
