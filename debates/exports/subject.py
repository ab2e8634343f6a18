"""A debate as it is read to be written into a file for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from debates import selectors
from debates.models import Debate
from debates.selectors import Snapshot
from debates.services.panels import prices_known
from debates.web.presenters import DebatePage, present_debate
from debates.web.sources import Sources, sources_of
from debates.web.words import STATUSES

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What steers terminals and printers, and has no place in a text: all but tabs and line ends."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from."""

    address: str
    """Of the debate's page."""
    now: datetime

    @property
    def moment(self) -> str:
        """When it was written, for people."""
        return moment_in_words(self.now)


@dataclass(frozen=True, slots=True)
class Subject:
    """A debate with all that a file says of it."""

    debate: Debate
    snapshot: Snapshot
    page: DebatePage
    sources: Sources
    price_known: bool
    origin: Origin

    @property
    def note(self) -> str:
        return unfinished_note(self.debate, self.origin)


def read_subject(debate: Debate, origin: Origin) -> Subject:
    """Everything, as of the debate's `last_seq`."""
    snapshot = selectors.debate_snapshot(debate)
    return Subject(
        debate=debate,
        snapshot=snapshot,
        page=present_debate(snapshot),
        sources=sources_of(debate, snapshot["transcript"]),
        price_known=prices_known(debate),
        origin=origin,
    )


def unfinished_note(debate: Debate, origin: Origin) -> str:
    """What has to be known of a file of a debate that is not over; empty for one that is."""
    if debate.is_over:
        return ""
    status = STATUSES[debate.status].plain  # type: ignore[index]
    return (
        f"This debate is not over ({status}). Here is what there was on {origin.moment}, up to "
        f"event {debate.last_seq}."
    )


def moment_in_words(moment: datetime) -> str:
    """Such as 26 November 2026, 15:40 UTC."""
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def printable(text: str) -> str:
    """The text with line ends of one kind, and without control characters."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
