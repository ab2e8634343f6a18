"""Agreement between agents, and stability of each."""

import pytest

from debates.engine.convergence import measure
from debates.engine.types import Convergence, ProtocolName
from tests.engine.panel import FAILURE, Move, Script, drafted, hold, setup_of

DRAFTS = {"ada": "Nile", "ben": "Nile", "cem": "Amazon", "dora": "Po"}
MOVES = {("dora", 1): Move("Nile", "A step."), ("cem", 1): FAILURE}


def test_the_first_round_has_agreement_alone() -> None:
    held = hold(setup_of(4), Script(DRAFTS, MOVES))
    assert measure(held.setup, held.turns, 0) == Convergence(0, 0.5, None)


def test_later_rounds_tell_who_kept_its_answer_of_those_that_replied() -> None:
    held = hold(setup_of(4), Script(DRAFTS, MOVES))
    assert measure(held.setup, held.turns, 1) == Convergence(1, 0.75, pytest.approx(2 / 3))


def test_who_failed_has_no_say() -> None:
    turns = drafted(ada="Nile", ben="Nile", cem=FAILURE)
    assert measure(setup_of(3), turns, 0) == Convergence(0, 1.0, None)


def test_classic_measures_its_rounds_from_one() -> None:
    moves = {("dora", 1): Move("Nile", "A step."), ("cem", 2): Move("Nile", "A step.")}
    setup = setup_of(4, protocol=ProtocolName.CLASSIC, decision="unanimity", rounds=2)
    held = hold(setup, Script(DRAFTS, moves))
    assert measure(setup, held.turns, 1) == Convergence(1, 0.75, None)
    assert measure(setup, held.turns, 2) == Convergence(2, 1.0, 0.75)


def test_before_anything_was_said_there_is_no_agreement() -> None:
    assert measure(setup_of(3), [], 0) == Convergence(0, 0.0, None)
