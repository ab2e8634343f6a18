"""Every word of the closed sets has a label and a line."""

from enum import Enum

import pytest

from debates.choices import DebateStatus, EventType, Visibility
from debates.engine.types import DecisionMode, Phase, ProtocolName, StopReason
from debates.web.presenters import NOTE_TEXTS
from debates.web.words import (
    DECISIONS,
    PHASES,
    PROTOCOLS,
    STATUSES,
    STOP_REASONS,
    VISIBILITIES,
    Word,
)

TABLES = [
    (DecisionMode, DECISIONS),
    (Phase, PHASES),
    (ProtocolName, PROTOCOLS),
    (DebateStatus, STATUSES),
    (StopReason, STOP_REASONS),
    (Visibility, VISIBILITIES),
]


@pytest.mark.parametrize(("words", "table"), TABLES)
def test_a_table_is_complete(words: type[Enum], table: dict[Enum, Word]) -> None:
    assert set(table) == set(words)
    assert all(word.label and word.line.endswith(".") for word in table.values())


def test_every_event_that_ends_up_in_the_margin_has_words() -> None:
    from debates.selectors.transcript import LoggedEvent, fold

    def lands_in_the_margin(type_: EventType) -> bool:
        data = {"round_number": 0, "agent": "ada", "agreement": 1.0, "stability": None}
        data |= {"duration_seconds": 1.0, "to_phase": "draft", "tally": {}}
        return bool(fold(["ada"], [LoggedEvent(1, type_, data, "2026-01-01T00:00:00Z")])["notes"])

    assert {type_ for type_ in EventType if lands_in_the_margin(type_)} == set(NOTE_TEXTS)
