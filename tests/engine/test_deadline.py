"""A deadline ends the talk while there is still time to vote."""

from dataclasses import replace

import pytest

from debates.engine.types import Phase, ProtocolName, Spent, StopReason, Turn
from tests.engine.panel import Held, Move, Script, drafted, hold, next_of, setup_of, spend

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Nile"}
MOVES = {("ada", number): Move(f"River {number}", "A step.") for number in range(1, 13)}


def held_until(deadline: float, protocol: ProtocolName = ProtocolName.ADAPTIVE) -> Held:
    """Every phase takes ten seconds."""

    def spent(turns: list[Turn]) -> Spent:
        phases = {(turn.key.round, turn.key.phase) for turn in turns}
        return spend(turns, elapsed_seconds=10.0 * len(phases))

    setup = setup_of(3, rounds=12, deadline_seconds=deadline, protocol=protocol)
    return hold(setup, Script(DRAFTS, MOVES), spent=spent)


@pytest.mark.parametrize(("deadline", "exchanges"), [(30, 1), (35, 1), (40, 2), (60, 4)])
def test_the_talk_stops_in_time_for_the_vote(deadline: float, exchanges: int) -> None:
    held = held_until(deadline)
    talk = [(number, Phase.EXCHANGE) for number in range(1, exchanges + 1)]
    assert held.phases() == [(0, Phase.DRAFT), *talk, (exchanges, Phase.VOTE)]
    assert held.verdict.stop_reason is StopReason.DEADLINE


def test_a_deadline_that_leaves_time_for_nothing_counts_positions() -> None:
    held = held_until(10)
    assert held.phases() == [(0, Phase.DRAFT)]
    assert held.verdict.stop_reason is StopReason.DEADLINE
    assert held.verdict.ballots


@pytest.mark.parametrize("deadline", [15, 45, 75])
def test_classic_keeps_the_deadline_too(deadline: float) -> None:
    held = held_until(deadline, ProtocolName.CLASSIC)
    assert len(held.phases()) * 10 <= deadline + 10
    assert held.verdict.ballots


def test_a_deadline_before_enough_drafts_fails_the_debate() -> None:
    setup = setup_of(3, deadline_seconds=10)
    step = next_of(setup, drafted(ada="Nile"), elapsed_seconds=11)
    assert step.stop_reason is StopReason.DEADLINE  # type: ignore[union-attr]


def test_without_a_deadline_time_does_not_matter() -> None:
    held = hold(setup_of(3), Script(DRAFTS), spent=lambda turns: spend(turns, elapsed_seconds=1e9))
    assert held.verdict.stop_reason is StopReason.STABLE


@pytest.mark.parametrize(("deadline", "exchanges"), [(20, 1), (30, 2), (60, 5)])
def test_what_was_taken_in_another_debate_took_none_of_this_ones_time(
    deadline: float, exchanges: int
) -> None:
    """So that one that was forked stops in time for its vote, too."""

    def spent(turns: list[Turn]) -> Spent:
        own = {turn.key.round for turn in turns if not turn.inherited}
        return spend(turns, elapsed_seconds=10.0 * len(own))

    drafts = [replace(turn, inherited=True) for turn in drafted(**DRAFTS)]
    setup = setup_of(3, rounds=12, deadline_seconds=deadline)
    held = hold(setup, Script(DRAFTS, MOVES), turns=drafts, spent=spent)
    talk = [(number, Phase.EXCHANGE) for number in range(1, exchanges + 1)]
    assert held.phases() == [*talk, (exchanges, Phase.VOTE)]
