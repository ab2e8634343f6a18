"""Who says that it does not know has answered, but has given no answer."""

import pytest

from debates.engine.convergence import measure
from debates.engine.planner import decide_again
from debates.engine.positions import NOT_SAID, candidate_id, is_abstention
from debates.engine.prompts import render
from debates.engine.types import DecisionMode, Failure, Flip, Phase, ProtocolName, StopReason
from debates.providers.extractive import stances
from tests.engine.panel import FAILURE, JUDGE, NAMES, Move, Script, hold, setup_of

PLURALITY = DecisionMode.PLURALITY
PROTOCOLS = pytest.mark.parametrize("protocol", list(ProtocolName))
MODES = pytest.mark.parametrize("mode", list(DecisionMode))
UNKNOWN = "I don't know."


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "  ",
        stances.SILENT,
        "the documents don't say",
        "I don’t know.",
        "Sorry, I do not know the answer",
        "**Unknown**",
        "The answer is unknown.",
        "It is not known.",
        "I'm not sure.",
        "I cannot answer this question from the documents.",
        "I am unable to answer the question.",
        "Cannot be determined from the documents.",
        "This cannot be determined from the given context",
        "The question can't be answered with the available information.",
        "The provided documents do not answer the question.",
        "Not stated in the documents",
        "I abstain",
    ],
)
def test_these_give_no_answer(answer: str) -> None:
    assert is_abstention(answer)
    assert candidate_id(answer) == candidate_id(NOT_SAID)


@pytest.mark.parametrize(
    "answer",
    [
        "Unknown, but probably Paris",
        "None",
        "No",
        "0",
        "It depends",
        "Cannot be determined",
        "Undecidable",
        "The unknown soldier",
        "Nobody knows",
        "The documents do not say so, but the Nile",
        "The document says no",
        "I know",
        "?",
    ],
)
def test_these_are_answers(answer: str) -> None:
    assert not is_abstention(answer)
    assert candidate_id(answer) != candidate_id(NOT_SAID)


@PROTOCOLS
@MODES
def test_where_nobody_knows_nothing_is_reached_at_once(
    protocol: ProtocolName, mode: DecisionMode
) -> None:
    drafts = dict(zip(NAMES[:3], (UNKNOWN, "unknown", NOT_SAID), strict=True))
    setup = setup_of(3, protocol=protocol, decision=mode, judge=JUDGE)
    held = hold(setup, Script(drafts))
    verdict = held.verdict
    assert len(held.phases()) == 1
    assert not verdict.reached
    assert verdict.answer is None
    assert verdict.confidence == verdict.agreement == 0.0
    for nothing in (verdict.candidates, verdict.tied, verdict.winners, verdict.dissenting):
        assert not nothing
    assert verdict.abstained == ("ada", "ben", "cem")
    assert verdict.stop_reason is StopReason.STABLE
    assert verdict.explanation.startswith("No agent gave an answer: all 3 ")
    assert decide_again(setup, held.turns, mode) == verdict


def test_who_abstains_breaks_unanimity_and_may_take_up_an_answer() -> None:
    script = Script({"ada": "Nile", "ben": "Nile", "cem": UNKNOWN}, {("cem", 1): Move("Nile")})
    held = hold(setup_of(3), script)
    assert held.phases() == [(0, Phase.DRAFT), (1, Phase.EXCHANGE)]
    assert held.verdict.stop_reason is StopReason.UNANIMOUS
    assert held.verdict.supporting == ("ada", "ben", "cem")
    assert held.verdict.winners == ("ada", "ben")
    assert not held.verdict.flips
    assert not held.verdict.abstained


def test_an_answer_that_nobody_contradicts_wins_without_a_vote_by_those_who_do_not_know() -> None:
    held = hold(setup_of(4), Script({"ada": "Nile", **dict.fromkeys(NAMES[1:4], UNKNOWN)}))
    assert held.phases() == [(0, Phase.DRAFT), (1, Phase.EXCHANGE)]
    verdict = held.verdict
    assert verdict.reached
    assert verdict.supporting == ("ada",)
    assert verdict.abstained == ("ben", "cem", "dora")
    assert verdict.dissenting == ()
    assert [ballot.voter for ballot in verdict.ballots] == ["ada"]
    assert verdict.confidence == 2 / 6, "who does not know stands behind nothing"
    assert verdict.explanation.endswith("3 agents gave no answer.")


def test_only_those_with_an_answer_vote() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": "Po", "dora": UNKNOWN}
    held = hold(setup_of(4, decision=PLURALITY), Script(drafts))
    assert [call.key.agent for call in held.calls(Phase.VOTE)] == ["ada", "ben", "cem"]
    assert held.verdict.answer == "Nile"
    assert held.verdict.confidence == 3 / 6
    assert "1 agent gave no answer." in held.verdict.explanation


def test_to_abstain_counts_for_the_quorum() -> None:
    drafts: dict[str, str | Failure] = {"ada": "Nile", "ben": UNKNOWN}
    drafts |= {"cem": FAILURE, "dora": FAILURE}
    assert hold(setup_of(4), Script(drafts)).verdict.answer == "Nile"
    drafts = {"ada": "Nile", "ben": "Po", "cem": UNKNOWN, "dora": UNKNOWN}
    failing = Script(drafts, votes={"ada": FAILURE})
    assert hold(setup_of(4, decision=PLURALITY), failing).verdict.answer == "Po"
    failing = Script(drafts, votes={"ada": FAILURE, "ben": FAILURE})
    assert hold(setup_of(4), failing).failure.stop_reason is StopReason.QUORUM


def test_to_give_up_an_answer_for_nothing_is_a_flip() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": "Po"}
    verdict = hold(setup_of(3), Script(drafts, {("cem", 1): Move(UNKNOWN)})).verdict
    assert verdict.flips == (Flip("cem", 1, "Po", UNKNOWN, reasoned=False),)
    assert verdict.abstained == ("cem",)


def test_another_way_to_say_so_is_no_change() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": UNKNOWN}
    held = hold(setup_of(3), Script(drafts, {("cem", 1): Move("Unknown.")}))
    assert held.verdict.stop_reason is StopReason.STABLE
    assert held.verdict.flips == ()


BLIND = {"ada": "Nile", "ben": "Nile", "cem": "Po", "dora": UNKNOWN, "eli": UNKNOWN}


def test_those_who_learn_make_a_majority_sound() -> None:
    moves = {("dora", 1): Move("Po"), ("eli", 1): Move("Po")}
    verdict = hold(setup_of(5, decision=PLURALITY), Script(BLIND, moves)).verdict
    assert not verdict.hollow
    assert verdict.answer == "Po"
    assert verdict.supporting == ("cem", "dora", "eli")


def test_those_who_learn_do_not_cover_for_those_who_conform() -> None:
    moves = {("dora", 1): Move("Po"), ("ada", 1): Move("Po")}
    verdict = hold(setup_of(5, decision=PLURALITY), Script(BLIND, moves)).verdict
    assert verdict.hollow
    assert verdict.answer == "Nile"
    assert verdict.abstained == ("dora", "eli"), "of the blind answers, which were counted"
    assert verdict.confidence == 3 / 7


def test_a_vote_for_anothers_answer_is_a_reason_also_after_an_abstention() -> None:
    moves = {("dora", 1): Move("Rhine"), ("ada", 1): Move("Po")}
    votes = {"dora": ["Po", "Nile", "Rhine"]}
    drafts = {name: BLIND[name] for name in NAMES[:4]}
    verdict = hold(setup_of(4, decision=PLURALITY), Script(drafts, moves, votes)).verdict
    assert verdict.supporting == ("ada", "cem", "dora")
    assert verdict.answer == "Po"
    assert not verdict.hollow


def test_an_answer_cannot_be_changed_without_a_reason_by_way_of_an_abstention() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": "Po"}
    moves = {
        **{(name, 1): Move(UNKNOWN) for name in ("ada", "ben")},
        **{(name, 2): Move("Po") for name in ("ada", "ben")},
    }
    verdict = hold(setup_of(3, decision=PLURALITY), Script(drafts, moves)).verdict
    assert verdict.hollow
    assert verdict.answer == "Nile"


def test_agreement_is_that_of_those_who_answer() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": UNKNOWN}
    held = hold(setup_of(3), Script(drafts))
    assert measure(held.setup, held.turns, 0).agreement == 1.0
    nobody = hold(setup_of(3), Script(dict.fromkeys(drafts, UNKNOWN)))
    assert measure(nobody.setup, nobody.turns, 0).agreement == 0.0


def test_readers_meet_those_that_contradict_them_before_those_that_do_not_know() -> None:
    drafts = {"ada": "Nile", "ben": "Po", "cem": UNKNOWN, "dora": UNKNOWN, "eli": "Nile"}
    for seed in range(5):
        held = hold(setup_of(5, seed=seed), Script(drafts))
        for call in held.calls(Phase.EXCHANGE):
            first = call.brief.peers[0]
            assert not is_abstention(first.answer)


def test_a_judge_is_not_asked_about_one_answer() -> None:
    setup = setup_of(3, decision=DecisionMode.JUDGE, judge=JUDGE)
    held = hold(setup, Script({"ada": "Nile", "ben": UNKNOWN, "cem": UNKNOWN}))
    assert held.phases() == [(0, Phase.DRAFT), (1, Phase.EXCHANGE)]
    assert held.verdict.answer == "Nile"
    assert "nothing to select from" in held.verdict.explanation


def test_agents_are_told_how_to_abstain() -> None:
    held = hold(setup_of(3), Script({"ada": "Nile", "ben": "Nile", "cem": UNKNOWN}))
    (draft, *_), (*_, exchange) = held.calls(Phase.DRAFT), held.calls(Phase.EXCHANGE)
    assert '"unknown" alone if you do not know it' in render(draft).user
    assert exchange.key.agent == "cem"
    assert "You have given no answer yet." in render(exchange).user
