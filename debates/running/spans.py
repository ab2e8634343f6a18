"""A debate and its turns as spans. Names of agents and figures; nothing of what is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from debates.engine.types import Call
from debates.models import Debate
from monitoring import tracing
from monitoring.tracing import Attributes, Kind, Trace


@contextmanager
def debate_span(debate: Debate, *, begins: bool) -> Iterator[Trace]:
    """Around what one worker does of a debate, below the request that sent it into the queue; with
    the time that it waited there, where it `begins`."""
    attributes: Attributes = {
        "aragora.debate.id": str(debate.pk),
        "aragora.protocol": debate.protocol,
        "aragora.decision": debate.decision,
        "aragora.agents": len(debate.panel),
        "aragora.attempt": debate.attempts + 1,
    }
    with tracing.span(
        "debate", attributes, kind=Kind.CONSUMER, parent=debate.trace_parent
    ) as trace:
        if begins and debate.queued_at is not None and debate.started_at is not None:
            tracing.record("queue", begin=debate.queued_at, end=debate.started_at)
        yield trace


def turn_span(call: Call) -> Trace:
    """Around one turn of an agent, with all its tries."""
    key = call.key
    attributes = {
        "aragora.turn.round": key.round,
        "aragora.turn.phase": key.phase.value,
        "aragora.turn.agent": key.agent,
    }
    return tracing.span("turn", attributes)
