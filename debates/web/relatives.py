"""What a debate was made from, and what was made from it, as far as whoever looks may see it."""

from __future__ import annotations

from dataclasses import dataclass

from debates.choices import DebateStatus, Origin
from debates.models import Debate
from debates.selectors.finding import Viewer, children_of, parent_of
from debates.web.words import STATUSES

MOST_SHOWN = 50
"""Debates that were made from one."""
HOW = {
    Origin.CLONE: "The same, held once more:",
    Origin.FORK: "Argued anew",
    Origin.FOLLOW_UP: "A further question:",
}
_ORIGINS = {
    Origin.CLONE: "This debate holds another one once more.",
    Origin.FORK: "This debate argues another one anew",
    Origin.FOLLOW_UP: "This debate asks further what another one left open.",
}


@dataclass(frozen=True, slots=True)
class Relative:
    """A debate to go to."""

    slug: str
    title: str
    how: str
    """What it is to the one that is shown."""
    status: str
    status_label: str
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Relatives:
    """Both sides of a debate."""

    origin: str
    """How it came about, in a sentence; empty for a debate of its own."""
    parent: Relative | None
    children: tuple[Relative, ...]
    more: bool
    """There are more children than are shown."""

    def __bool__(self) -> bool:
        return bool(self.origin or self.children)


def present_relatives(debate: Debate, *, viewer: Viewer) -> Relatives:
    """One query, or two where it has a parent."""
    parent = parent_of(debate, user=viewer)
    rows = children_of(debate, user=viewer).only(*_SHOWN)[: MOST_SHOWN + 1]
    children = tuple(_relative(row, _how(row)) for row in rows)
    return Relatives(
        origin=_origin(debate),
        parent=_relative(parent, "") if parent else None,
        children=children[:MOST_SHOWN],
        more=len(children) > MOST_SHOWN,
    )


_SHOWN = ("slug", "question", "title", "status", "origin", "branch_point", "archived_at")


def _origin(debate: Debate) -> str:
    if not debate.origin:
        return ""
    said = _ORIGINS[Origin(debate.origin)]
    return f"{said} {_from(debate)}." if debate.origin == Origin.FORK else said


def _how(child: Debate) -> str:
    said = HOW[Origin(child.origin)]
    return f"{said} {_from(child)}:" if child.origin == Origin.FORK else said


def _from(fork: Debate) -> str:
    return f"after round {fork.branch_point}" if fork.branch_point else "after the blind answers"


def _relative(debate: Debate, how: str) -> Relative:
    return Relative(
        slug=debate.slug,
        title=debate.title or debate.question,
        how=how,
        status=debate.status,
        status_label=STATUSES[DebateStatus(debate.status)].label,
        is_archived=debate.archived_at is not None,
    )
