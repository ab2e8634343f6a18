"""What kind of answer a question wants, and which rule that means."""

import pytest

from debates.engine.questions import classify, rule_for
from debates.engine.types import DecisionMode, Panelist, QuestionKind
from tests.engine.panel import JUDGE


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is 17 * 23?", QuestionKind.REASONING),
        ("How many primes are there below 100?", QuestionKind.REASONING),
        ("If all cats are mammals, is Tom, a cat, a mammal?", QuestionKind.REASONING),
        ("Prove that the square root of 2 is irrational.", QuestionKind.REASONING),
        ("Who wrote the Odyssey?", QuestionKind.KNOWLEDGE),
        ("Which river is the longest?", QuestionKind.KNOWLEDGE),
        ("Is the Great Wall visible from the Moon?", QuestionKind.KNOWLEDGE),
        ("When did the Berlin Wall fall?", QuestionKind.KNOWLEDGE),
        ("Should we rewrite the service in Rust?", QuestionKind.OPEN_ENDED),
        ("What are the pros and cons of remote work?", QuestionKind.OPEN_ENDED),
        ("Write a slogan for a bakery.", QuestionKind.OPEN_ENDED),
        ("How can a small town attract doctors?", QuestionKind.OPEN_ENDED),
        ("Wozu dient ein Parlament?", QuestionKind.OPEN_ENDED),
    ],
)
def test_the_kind_is_told_from_the_words(question: str, kind: QuestionKind) -> None:
    assert classify(question) is kind


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        ("What is 17 * 23?", DecisionMode.PLURALITY),
        ("Who wrote the Odyssey?", DecisionMode.SUPERMAJORITY),
        ("Should we rewrite the service in Rust?", DecisionMode.JUDGE),
    ],
)
def test_auto_picks_the_rule_by_the_kind(question: str, rule: DecisionMode) -> None:
    assert rule_for(DecisionMode.AUTO, question, JUDGE) is rule


@pytest.mark.parametrize("judge", [None, Panelist("quoter", "extractive", is_language_model=False)])
def test_without_a_model_to_judge_open_questions_are_ranked(judge: Panelist | None) -> None:
    rule = rule_for(DecisionMode.AUTO, "Should we rewrite the service in Rust?", judge)
    assert rule is DecisionMode.BORDA


def test_a_rule_that_was_asked_for_is_kept() -> None:
    assert rule_for(DecisionMode.MAJORITY, "What is 17 * 23?", JUDGE) is DecisionMode.MAJORITY
