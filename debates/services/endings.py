"""What is written when a debate ends, however it ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from debates.choices import DebateStatus
from debates.engine.types import StopReason
from debates.models import Debate
from debates.streaming.events import DebateEnd


def ending_changes(
    *, status: DebateStatus, stop_reason: StopReason, now: datetime
) -> dict[str, Any]:
    """The changes to the row of a debate that is over: nobody holds it any more."""
    return {
        "status": status,
        "stop_reason": stop_reason,
        "phase": "",
        "completed_at": now,
        "lease_holder": "",
        "lease_expires_at": None,
    }


def debate_end(
    debate: Debate,
    *,
    status: DebateStatus,
    stop_reason: StopReason,
    result: str,
    consensus_reached: bool = False,
) -> DebateEnd:
    """The payload of a debate's last event. The figures are those of `debate`, which should have
    been read under its lock."""
    return DebateEnd(
        debate_id=str(debate.pk),
        status=status,
        result=result,
        total_rounds=debate.rounds,
        rounds_used=debate.round,
        consensus_reached=consensus_reached,
        stop_reason=stop_reason,
        duration_seconds=round(debate.active_seconds, 3),
        tokens=debate.input_tokens + debate.output_tokens,
        cost_usd=float(debate.cost_usd),
    )
