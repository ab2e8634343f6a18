"""What a verdict says besides the answer."""

from dataclasses import replace

from debates.engine.positions import candidate_id
from debates.engine.types import (
    Ballot,
    Call,
    Candidate,
    DecisionMode,
    DissentingView,
    Failure,
    Flip,
    Position,
    Reply,
)
from tests.engine.panel import FAILURE, Move, Script, hold, setup_of

PLURALITY = DecisionMode.PLURALITY
DRAFTS = {"ada": "Nile", "ben": "Nile", "cem": "Amazon", "dora": "Po"}


def test_confidence_is_laplaces_rule_over_the_voters() -> None:
    verdict = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS)).verdict
    assert verdict.reached
    assert verdict.confidence == 3 / 6
    assert verdict.agreement == 2 / 4


def test_stated_confidence_does_not_enter() -> None:
    script = Script(DRAFTS)

    def sure(call: Call) -> Reply | Failure:
        reply = script(call)
        return replace(reply, confidence=1.0) if isinstance(reply, Position | Ballot) else reply

    verdict = hold(setup_of(4, decision=PLURALITY), sure).verdict
    assert verdict.confidence == 3 / 6


def test_a_tie_is_not_reached() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": "Amazon", "dora": "Amazon"}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(drafts)).verdict
    assert not verdict.reached
    assert verdict.answer is None
    assert verdict.winners == verdict.supporting == ()
    assert set(verdict.tied) == {candidate_id("Nile"), candidate_id("Amazon")}
    assert verdict.confidence == 0.0
    assert verdict.agreement == 0.5
    assert "2 answers are tied" in verdict.explanation


def test_when_nothing_is_reached_every_view_is_shown() -> None:
    verdict = hold(setup_of(4, decision=DecisionMode.UNANIMITY), Script(DRAFTS)).verdict
    assert not verdict.reached
    assert [view.agent for view in verdict.dissenting] == ["ada", "ben", "cem", "dora"]


def test_dissent_is_shown_with_its_reasons() -> None:
    verdict = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS)).verdict
    assert verdict.dissenting == (
        DissentingView("cem", "Amazon", "cem reasons."),
        DissentingView("dora", "Po", "dora reasons."),
    )


def test_who_votes_for_another_answer_than_its_own_dissents_with_that() -> None:
    votes = {"cem": ["Po", "Nile", "Amazon"]}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS, votes=votes)).verdict
    assert DissentingView("cem", "Po", "The best argued.") in verdict.dissenting


def test_who_could_not_vote_but_holds_the_answer_does_not_dissent() -> None:
    votes = {"ben": FAILURE, "cem": ["Nile", "Amazon", "Po"]}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS, votes=votes)).verdict
    assert verdict.supporting == ("ada", "cem")
    assert [view.agent for view in verdict.dissenting] == ["dora"]


def test_the_winners_are_the_earliest_authors() -> None:
    moves = {("ada", 1): Move("Po", "I misread."), ("ben", 1): Move("Po", "I misread.")}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS, moves)).verdict
    assert verdict.answer == "Po"
    assert verdict.winners == ("dora",)
    assert verdict.supporting == ("ada", "ben", "dora")
    assert verdict.flips == (
        Flip("ada", 1, "Nile", "Po", reasoned=True),
        Flip("ben", 1, "Nile", "Po", reasoned=True),
    )


def test_candidates_are_those_that_stand_in_the_words_of_their_first_author() -> None:
    drafts = {"ada": "The Nile.", "ben": "nile", "cem": "Amazon", "dora": "Po"}
    moves = {("dora", 1): Move("amazon", "I misread.")}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(drafts, moves)).verdict
    assert verdict.candidates == (
        Candidate(candidate_id("Nile"), "The Nile.", "ada reasons.", ("ada", "ben")),
        Candidate(candidate_id("Amazon"), "Amazon", "cem reasons.", ("cem",)),
    )


def test_an_answer_that_was_left_and_taken_up_again_keeps_its_author() -> None:
    moves = {
        ("cem", 1): Move("Rhine", "One."),
        ("ada", 2): Move("Amazon", "Two."),
    }
    verdict = hold(setup_of(4, decision=PLURALITY, rounds=2), Script(DRAFTS, moves)).verdict
    amazon = next(one for one in verdict.candidates if one.answer == "Amazon")
    assert amazon.authors == ("cem",)
    assert amazon.rationale == "ada reasons anew."


def test_the_verdict_says_how_many_voted_against_their_own_answer() -> None:
    votes = {"cem": ["Po", "Nile", "Amazon"], "dora": ["Nile", "Po", "Amazon"]}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS, votes=votes)).verdict
    assert verdict.explanation.endswith("2 of 4 agents voted for another answer than their own.")
    one = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS, votes={"cem": ["Po"]})).verdict
    assert one.explanation.endswith("1 of 4 agents voted for another answer than its own.")
    none = hold(setup_of(4, decision=PLURALITY), Script(DRAFTS)).verdict
    assert "another answer" not in none.explanation


def test_to_decide_nothing_is_not_told_as_a_failure() -> None:
    verdict = hold(setup_of(4, decision=DecisionMode.NONE), Script(DRAFTS)).verdict
    assert verdict.explanation == (
        "The debate was held for its arguments, and the answers stand side by side."
    )
