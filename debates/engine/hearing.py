"""When agents hear what people say: they have a position then, and may change it."""

from __future__ import annotations

from debates.engine.types import Phase, ProtocolName

HEARING = frozenset({Phase.EXCHANGE, Phase.REVISE})
"""The phases in which agents are shown it."""

_CLOSING = frozenset({Phase.VOTE, Phase.JUDGE})


def next_hearing(protocol: ProtocolName, *, phase: Phase | None, round_number: int) -> int | None:
    """The round in which such a phase begins next; None when the talk is over. There may be fewer
    rounds. `phase` is the one under way, None before the first."""
    if phase in _CLOSING and protocol is not ProtocolName.CLASSIC:
        return None
    if phase in HEARING or phase in _CLOSING:
        return round_number + 1
    return max(1, round_number)
