"""The debate as one function: what has been said, in; what to do next, out."""

from __future__ import annotations

from collections.abc import Iterable

from debates.engine.protocols import Proceedings, protocol_of, read
from debates.engine.questions import rule_for
from debates.engine.transcript import Transcript
from debates.engine.types import (
    Ask,
    DecisionMode,
    Fail,
    Finish,
    Heard,
    Setup,
    Spent,
    Step,
    StopReason,
    Turn,
    Verdict,
)
from debates.engine.verdict import decide


def next_step(
    setup: Setup, turns: Iterable[Turn], spent: Spent, *, heard: tuple[Heard, ...] = ()
) -> Step:
    """The calls to make next, or the end of the debate.

    `turns` are the calls that are over, in any order; `spent` is what they and everything else
    have used. Call it again when all calls of an `Ask` are over: until then it asks for those
    that are missing. It depends on nothing but its arguments, and neither on the order of the
    turns nor on that of the panel. `heard` is what people say; the next exchange is shown it."""
    proceedings = Proceedings(read(setup, turns), spent, heard=heard)
    return protocol_of(setup).next_step(proceedings)


def decide_again(
    setup: Setup,
    turns: Iterable[Turn],
    mode: DecisionMode,
    *,
    stop_reason: StopReason | None = None,
) -> Verdict:
    """The verdict of a debate that is over under another rule, without a call; under its own rule
    the verdict that it had.

    What the transcript lacks is made up for from what it has, and the explanation says so: agents
    that were not asked to vote are counted by their positions, and without a judge's selections
    the panel's ballots are counted. Without `stop_reason` it is told from the transcript, as far
    as that is possible."""
    transcript = read(setup, turns)
    if stop_reason is None:
        stop_reason = _why_it_ended(setup, transcript)
    return decide(transcript, rule_for(mode, setup.question, setup.judge), stop_reason)


def _why_it_ended(setup: Setup, transcript: Transcript) -> StopReason:
    proceedings = Proceedings(transcript, Spent(*transcript.used()), may_ask=False)
    match protocol_of(setup).next_step(proceedings):
        case Finish(verdict):
            return verdict.stop_reason
        case Fail(reason, _):
            return reason
        case Ask():
            raise AssertionError("nothing is asked when looking back")
