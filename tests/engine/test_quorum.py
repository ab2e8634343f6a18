"""Enough agents must answer, or the debate fails with a reason."""

import pytest

from debates.engine.protocols import quorum_of
from debates.engine.types import Phase, ProtocolName, StopReason
from tests.engine.panel import FAILURE, Script, hold, setup_of


@pytest.mark.parametrize(("agents", "quorum"), [(2, 2), (3, 2), (4, 2), (5, 3), (9, 5), (10, 5)])
def test_half_of_the_panel_and_never_fewer_than_two(agents: int, quorum: int) -> None:
    assert quorum_of(setup_of(agents)) == quorum


@pytest.mark.parametrize("protocol", ProtocolName)
def test_too_few_first_answers(protocol: ProtocolName) -> None:
    drafts = {"ada": "Nile", "ben": FAILURE, "cem": FAILURE}
    held = hold(setup_of(3, protocol=protocol), Script(drafts))
    assert held.failure.stop_reason is StopReason.QUORUM
    assert held.failure.message == "1 of 3 agents answered; at least 2 must."
    assert len(held.asks) == 1


def test_too_few_answers_in_an_exchange() -> None:
    moves = {("ada", 1): FAILURE, ("ben", 1): FAILURE}
    held = hold(setup_of(3), Script({"ada": "Nile", "ben": "Amazon", "cem": "Po"}, moves))
    assert held.failure.stop_reason is StopReason.QUORUM


@pytest.mark.parametrize("protocol", ProtocolName)
def test_too_few_votes(protocol: ProtocolName) -> None:
    votes = {"ada": FAILURE, "ben": FAILURE}
    script = Script({"ada": "Nile", "ben": "Amazon", "cem": "Po"}, votes=votes)
    held = hold(setup_of(3, protocol=protocol), script)
    assert held.failure.stop_reason is StopReason.QUORUM
    assert held.phases()[-1][1] is Phase.VOTE


@pytest.mark.parametrize("missing", [("ada", "ben"), ("ben", "cem")])
def test_too_few_critiques(missing: tuple[str, str]) -> None:
    script = Script(
        {"ada": "Nile", "ben": "Amazon", "cem": "Po"},
        critiques={(name, 1): FAILURE for name in missing},
    )
    held = hold(setup_of(3, protocol=ProtocolName.CLASSIC), script)
    assert held.failure.stop_reason is StopReason.QUORUM


def test_too_few_revisions() -> None:
    moves = {("ada", 1): FAILURE, ("ben", 1): FAILURE}
    script = Script({"ada": "Nile", "ben": "Amazon", "cem": "Po"}, moves)
    held = hold(setup_of(3, protocol=ProtocolName.CLASSIC), script)
    assert held.failure.stop_reason is StopReason.QUORUM
    assert held.phases()[-1] == (1, Phase.REVISE)


def test_a_quorum_is_enough() -> None:
    drafts = {"ada": "Nile", "ben": "Nile", "cem": FAILURE, "dora": FAILURE}
    assert hold(setup_of(4), Script(drafts)).verdict.reached
