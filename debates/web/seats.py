"""Who sits in a debate, as its page shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from debates.choices import ProviderName
from debates.streaming.events import AgentCard

SEAT_COLOURS = 10


@dataclass(frozen=True, slots=True)
class Seat:
    """A member of the panel, or the judge. `colour` picks the accent; the judge has none."""

    name: str
    colour: int | None = None
    detail: str = ""
    is_language_model: bool = True


def kind_of(provider: str) -> str:
    """What sort of agent it is, for people. An extractive one is never called a model."""
    return ProviderName(provider).label if provider in ProviderName.values else provider


def seat_of(card: AgentCard, colour: int | None) -> Seat:
    """Many agents bear the name of their model, which then need not be said again."""
    model = card["is_language_model"]
    named = card["model"] if card["model"] != card["name"] else ""
    return Seat(
        name=card["name"],
        colour=None if colour is None else colour % SEAT_COLOURS,
        detail=named if model else "Extractive, not a language model",
        is_language_model=model,
    )


def find_seat(seats: Mapping[str, Seat], name: str) -> Seat:
    return seats.get(name) or Seat(name)
