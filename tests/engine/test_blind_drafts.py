"""adaptive, round 0: answers that nobody else has seen."""

from debates.engine.types import Ask, Phase, Position, StopReason
from tests.engine.panel import FAILURE, Script, drafted, hold, next_of, setup_of


def test_all_agents_are_asked_at_once_and_shown_nobody() -> None:
    step = next_of(setup_of(3), [])
    assert isinstance(step, Ask)
    assert (step.round, step.phase) == (0, Phase.DRAFT)
    assert [call.key.agent for call in step.calls] == ["ada", "ben", "cem"]
    for call in step.calls:
        assert call.brief.own is None
        assert call.brief.peers == ()


def test_unanimity_ends_the_debate_at_once() -> None:
    held = hold(setup_of(3), Script({"ada": "Nile", "ben": "nile.", "cem": "The Nile"}))
    assert held.phases() == [(0, Phase.DRAFT)]
    verdict = held.verdict
    assert verdict.stop_reason is StopReason.UNANIMOUS
    assert verdict.reached
    assert verdict.answer == "Nile"
    assert verdict.supporting == verdict.winners == ("ada", "ben", "cem")
    assert [ballot.voter for ballot in verdict.ballots] == ["ada", "ben", "cem"]
    assert verdict.confidence == 4 / 5


def test_who_failed_does_not_stand_in_the_way_of_unanimity() -> None:
    held = hold(setup_of(3), Script({"ada": "Nile", "ben": FAILURE, "cem": "Nile"}))
    assert held.phases() == [(0, Phase.DRAFT)]
    assert held.verdict.supporting == ("ada", "cem")
    assert held.verdict.confidence == 3 / 4


def test_who_failed_is_asked_no_more() -> None:
    held = hold(setup_of(4), Script({"ada": "Nile", "ben": FAILURE, "cem": "Amazon", "dora": "x"}))
    assert len(held.asks) > 1
    for ask in held.asks[1:]:
        assert "ben" not in [call.key.agent for call in ask.calls]


def test_the_text_of_a_failure_is_nowhere() -> None:
    setup = setup_of(4)
    failed = drafted(ada="Nile", ben=FAILURE, cem="Amazon", dora="Nile")
    held = hold(
        setup, Script({}, standing={"ada": "Nile", "cem": "Amazon", "dora": "Nile"}), turns=failed
    )
    assert FAILURE.message not in repr(held.verdict)
    assert FAILURE.message not in repr(held.asks)


def test_a_reply_of_the_wrong_kind_is_no_answer() -> None:
    turns = drafted(ada="Nile", ben="Amazon", cem="Nile")
    assert isinstance(turns[2].outcome, Position)
    step = next_of(setup_of(3), turns)
    assert isinstance(step, Ask)
    assert {call.key.agent for call in step.calls} == {"ada", "ben", "cem"}
