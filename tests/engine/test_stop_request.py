"""A person asks for the verdict now."""

import pytest

from debates.engine.types import Ask, Phase, ProtocolName, StopReason
from tests.engine.panel import Script, drafted, hold, next_of, setup_of, spend

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Nile"}


@pytest.mark.parametrize(
    ("protocol", "first"),
    [(ProtocolName.ADAPTIVE, (0, Phase.DRAFT)), (ProtocolName.CLASSIC, (1, Phase.PROPOSE))],
)
def test_the_first_answers_are_still_given_and_then_there_is_a_vote(
    protocol: ProtocolName, first: tuple[int, Phase]
) -> None:
    held = hold(
        setup_of(3, protocol=protocol),
        Script(DRAFTS),
        spent=lambda turns: spend(turns, stop_requested=True),
    )
    assert held.phases() == [first, (first[0], Phase.VOTE)]
    assert held.verdict.stop_reason is StopReason.STOPPED


def test_drafts_that_are_missing_are_done_without_once_there_is_a_quorum() -> None:
    step = next_of(setup_of(3), drafted(ada="Nile", ben="Amazon"), stop_requested=True)
    assert isinstance(step, Ask)
    assert step.phase is Phase.VOTE
    assert [call.key.agent for call in step.calls] == ["ada", "ben"]


def test_an_exchange_that_was_cut_off_is_not_finished() -> None:
    whole = hold(setup_of(3), Script(DRAFTS))
    turns = [turn for turn in whole.turns if turn.key.phase is Phase.DRAFT]
    turns.append(next(turn for turn in whole.turns if turn.key.phase is Phase.EXCHANGE))
    step = next_of(setup_of(3), turns, stop_requested=True)
    assert isinstance(step, Ask)
    assert (step.round, step.phase) == (1, Phase.VOTE)


def test_a_request_during_the_vote_changes_nothing_about_why_it_was_held() -> None:
    whole = hold(setup_of(3), Script(DRAFTS))
    votes = [turn for turn in whole.turns if turn.key.phase is Phase.VOTE]
    before = [turn for turn in whole.turns if turn not in votes]
    step = next_of(setup_of(3), [*before, votes[0]], stop_requested=True)
    assert isinstance(step, Ask)
    held = hold(
        setup_of(3),
        Script(DRAFTS, standing=dict(DRAFTS)),
        turns=[*before, votes[0]],
        spent=lambda turns: spend(turns, stop_requested=True),
    )
    assert held.verdict.stop_reason is StopReason.STABLE
