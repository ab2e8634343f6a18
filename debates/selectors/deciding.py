"""A stored transcript under another rule, without a model call and without writing."""

from debates.engine.planner import decide_again
from debates.engine.types import DecisionMode, Failure, StopReason, Verdict
from debates.exceptions import StateForbids
from debates.models import Debate, Turn
from debates.running.records import stored_turn
from debates.services.panels import build_setup


def decided_again(*, debate: Debate, mode: DecisionMode) -> Verdict:
    """What the panel would have decided under `mode`.

    Raises `StateForbids` while the debate goes on, and where nobody has said anything."""
    if not debate.is_over:
        raise StateForbids(f"The debate is {debate.status}; decide it again when it is over.")
    rows = Turn.objects.filter(debate=debate).order_by("index")
    turns = tuple(stored_turn(row) for row in rows)
    if all(isinstance(turn.outcome, Failure) for turn in turns):
        raise StateForbids("Nobody has said anything in this debate, so there is no decision.")
    stop_reason = StopReason(debate.stop_reason) if debate.stop_reason else None
    return decide_again(build_setup(debate), turns, mode, stop_reason=stop_reason)
