"""classic: propose, then critique, revise and vote by rounds."""

from debates.engine.types import DecisionMode, Phase, ProtocolName, Setup, StopReason
from tests.engine.panel import FAILURE, JUDGE, NAMES, Move, Script, hold, setup_of

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Po"}
ROUND = [Phase.CRITIQUE, Phase.REVISE, Phase.VOTE]


def classic(count: int = 3, **fields: object) -> Setup:
    fields.setdefault("decision", DecisionMode.MAJORITY)
    return setup_of(count, protocol=ProtocolName.CLASSIC, **fields)


def test_the_proposals_belong_to_round_one() -> None:
    held = hold(classic(rounds=1), Script(DRAFTS))
    assert held.phases() == [(1, Phase.PROPOSE), *((1, phase) for phase in ROUND)]
    assert held.verdict.stop_reason is StopReason.ROUNDS
    assert not held.verdict.reached


def test_it_ends_with_the_first_round_that_meets_the_rule() -> None:
    moves = {("cem", 2): Move("Nile", "A step.")}
    held = hold(classic(rounds=5), Script(DRAFTS, moves))
    assert held.phases()[-3:] == [(2, phase) for phase in ROUND]
    assert held.verdict.stop_reason is StopReason.DECIDED
    assert held.verdict.answer == "Nile"


def test_a_rule_that_is_met_in_the_last_round_has_decided() -> None:
    moves = {("cem", 1): Move("Nile", "A step.")}
    held = hold(classic(rounds=1), Script(DRAFTS, moves))
    assert held.verdict.stop_reason is StopReason.DECIDED


def test_everybody_criticises_one_and_is_criticised_by_one() -> None:
    for seed in range(5):
        held = hold(classic(5, seed=seed), Script(dict(zip(NAMES, "abcde", strict=False))))
        pairs = [(call.key.agent, call.key.part) for call in held.calls(Phase.CRITIQUE)]
        by_round = [pairs[start : start + 5] for start in range(0, len(pairs), 5)]
        for pairing in by_round:
            assert len({critic for critic, _ in pairing}) == 5
            assert len({target for _, target in pairing}) == 5
            assert all(critic != target for critic, target in pairing)
        assert len(set(pairs)) == len(pairs), "a new target every round"


def test_a_revision_sees_the_objections_to_its_own_proposal_unsigned() -> None:
    held = hold(classic(rounds=1), Script(DRAFTS))
    targets = {call.key.part: call.key.agent for call in held.calls(Phase.CRITIQUE)}
    for call in held.calls(Phase.REVISE):
        (objection,) = call.brief.objections
        assert objection.text == f"{targets[call.key.agent]} doubts {call.key.agent}."
        assert objection.severity == 0.5
        assert call.brief.own is not None
        assert call.brief.own.answer == DRAFTS[call.key.agent]


def test_who_was_not_criticised_is_not_asked_to_revise() -> None:
    held = hold(classic(rounds=1), Script(DRAFTS, critiques={("ada", 1): FAILURE}))
    spared = next(call.key.part for call in held.calls(Phase.CRITIQUE) if call.key.agent == "ada")
    assert spared not in {call.key.agent for call in held.calls(Phase.REVISE)}
    assert held.verdict.stop_reason is StopReason.ROUNDS


def test_unanimity_needs_no_vote() -> None:
    moves = {("ben", 1): Move("Nile", "A step."), ("cem", 1): Move("Nile", "A step.")}
    held = hold(classic(), Script(DRAFTS, moves))
    assert held.phases()[-1] == (1, Phase.REVISE)
    assert held.verdict.stop_reason is StopReason.UNANIMOUS
    assert held.verdict.supporting == ("ada", "ben", "cem")


def test_equal_proposals_are_criticised_all_the_same() -> None:
    held = hold(classic(), Script(dict.fromkeys(DRAFTS, "Nile")))
    assert (1, Phase.CRITIQUE) in held.phases()


def test_a_judge_decides_by_round_too() -> None:
    script = Script(DRAFTS, selections={"forward": "Po", "backward": "Po"})
    held = hold(classic(decision=DecisionMode.JUDGE, judge=JUDGE), script)
    assert held.phases()[-1] == (1, Phase.JUDGE)
    assert held.verdict.answer == "Po"
    assert held.verdict.stop_reason is StopReason.DECIDED


def test_without_a_decision_all_rounds_are_held() -> None:
    held = hold(classic(rounds=2, decision=DecisionMode.NONE), Script(DRAFTS))
    assert held.phases() == [
        (1, Phase.PROPOSE),
        (1, Phase.CRITIQUE),
        (1, Phase.REVISE),
        (2, Phase.CRITIQUE),
        (2, Phase.REVISE),
    ]
    assert not held.verdict.reached


def test_the_last_rounds_ballots_are_the_ones_that_count() -> None:
    moves = {("ada", 2): Move("Rhine", "A step.")}
    held = hold(classic(rounds=2), Script(DRAFTS, moves))
    assert {candidate.answer for candidate in held.verdict.candidates} == {"Rhine", "Amazon", "Po"}
    assert len(held.verdict.tied) == 3
