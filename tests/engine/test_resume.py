"""A debate that was cut off goes on where it stood, and no finished call is made again."""

import pytest

from debates.engine.types import Ask, DecisionMode, ProtocolName, Setup, Turn
from tests.engine.panel import JUDGE, Held, Move, Script, hold, next_of, setup_of

DRAFTS = {"ada": "Nile", "ben": "Amazon", "cem": "Po", "dora": "Nile"}
MOVES = {("ada", 1): Move("Amazon", "A step."), ("cem", 2): Move("Nile")}


def whole(setup: Setup) -> Held:
    return hold(setup, Script(DRAFTS, MOVES, selections={"forward": "Nile", "backward": "Nile"}))


SETUPS = [
    setup_of(4, protocol=protocol, decision=decision, judge=JUDGE)
    for protocol in ProtocolName
    for decision in (DecisionMode.UNANIMITY, DecisionMode.JUDGE)
]


@pytest.mark.parametrize("setup", SETUPS)
def test_only_the_missing_calls_of_a_phase_are_asked_for(setup: Setup) -> None:
    held = whole(setup)
    outcomes = {turn.key: turn for turn in held.turns}
    done: list[Turn] = []
    for ask in held.asks:
        for at, call in enumerate(ask.calls):
            step = next_of(setup, done)
            assert isinstance(step, Ask)
            assert (step.round, step.phase) == (ask.round, ask.phase)
            assert step.calls == ask.calls[at:]
            done.append(outcomes[call.key])
    assert next_of(setup, done) == held.step


@pytest.mark.parametrize("setup", SETUPS)
def test_asked_twice_the_answer_is_the_same(setup: Setup) -> None:
    held = whole(setup)
    for cut in range(len(held.turns)):
        assert next_of(setup, held.turns[:cut]) == next_of(setup, held.turns[:cut])


def test_a_finished_debate_stays_finished() -> None:
    held = whole(SETUPS[0])
    assert next_of(SETUPS[0], held.turns) == held.step


def test_turns_of_strangers_change_nothing() -> None:
    from dataclasses import replace

    held = whole(SETUPS[0])
    strangers = [
        replace(turn, key=replace(turn.key, agent="mallory", round=turn.key.round + later))
        for turn in held.turns
        for later in (0, 9)
    ]
    assert next_of(SETUPS[0], [*held.turns, *strangers]) == held.step
