"""Protocols, one strategy each behind `base.DebateProtocol`; a new one is a class and its entry
here."""

from __future__ import annotations

from collections.abc import Iterable

from debates.engine.protocols.adaptive import Adaptive
from debates.engine.protocols.base import DebateProtocol, Proceedings, quorum_of
from debates.engine.protocols.classic import Classic
from debates.engine.transcript import Transcript
from debates.engine.types import ProtocolName, Setup, Turn

__all__ = ["PROTOCOLS", "DebateProtocol", "Proceedings", "protocol_of", "quorum_of", "read"]

PROTOCOLS: dict[ProtocolName, DebateProtocol] = {
    protocol.name: protocol for protocol in (Adaptive(), Classic())
}


def protocol_of(setup: Setup) -> DebateProtocol:
    return PROTOCOLS[setup.protocol]


def read(setup: Setup, turns: Iterable[Turn]) -> Transcript:
    """The turns as the debate's protocol understands them."""
    return Transcript(setup, turns, protocol_of(setup).shape)
