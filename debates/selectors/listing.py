"""Pages of the list of debates, by what may have changed in each.

Everybody asks for the list, and most of it is as it was. So a page is a row of marks: all that
changes in a debate, as the database has it. Who has made something of a debate with the same mark
need not make it again. Which debates there are, in what order, and who may see them, is asked of
the database every time; only the statement for it is kept, since making that takes ten times as
long as carrying it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Q, QuerySet

from aragora_site.recent import Recent
from aragora_site.tenancy import scopes
from debates.choices import DebateStatus
from debates.models import Debate
from debates.selectors.finding import Viewer, list_debates
from ratelimit.keys import key_behind

Mark = tuple[Any, ...]
"""The values of `CHANGING`, as the database has them."""

CHANGING = (
    *("id", "epoch", "last_seq", "status", "stop_reason", "failure", "round", "phase"),
    *("title", "tags", "domain", "metadata", "visibility", "started_at", "completed_at"),
    *("input_tokens", "output_tokens", "cost_usd", "active_seconds"),
)
"""What of a debate may change, of all that `debate_object` shows. Its rounds and its verdict, which
are rows of their own, change with an event, and that moves `last_seq`."""
MOST_STATEMENTS = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which debates, and which part of them."""

    statuses: frozenset[DebateStatus] = frozenset()
    q: str = ""
    tag: str = ""
    after: tuple[datetime, UUID] | None = None
    """Moment and id of the debate before the first one."""
    offset: int = 0
    limit: int = 20

    @property
    def is_from_the_start(self) -> bool:
        return self.after is None and self.offset == 0


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """The debates of a page, and how many there are under these filters."""

    marks: list[Mark]
    total: int
    has_more: bool


def marked_page(*, user: Viewer, wanted: Wanted) -> MarkedPage:
    """The page as it is now. One query, and another one where the page is not all there is."""
    marks = _rows(user, wanted, counted=False)
    has_more = len(marks) > wanted.limit
    marks = marks[: wanted.limit]
    if wanted.is_from_the_start and not has_more:
        total = len(marks)
    else:
        counted = _rows(user, wanted, counted=True)
        total = counted[0][0] if counted else 0
    return MarkedPage(marks, total, has_more)


def debates_of(marks: list[Mark], *, user: Viewer) -> list[Debate]:
    """The debates with these marks, as far as they are still there for the viewer; two queries."""
    return list(list_debates(user=user).filter(pk__in=[key_of(mark) for mark in marks]))


def marks_now(marks: list[Mark], *, user: Viewer) -> set[Mark]:
    """The marks of these debates as they are now; one query."""
    shown = list_debates(user=user).filter(pk__in=[key_of(mark) for mark in marks])
    statement = _as_statement(shown.order_by().values_list(*CHANGING))
    return set() if statement is None else set(_carried_out(statement))


def key_of(mark: Mark) -> UUID:
    """The debate's id; SQLite has none but texts."""
    return mark[0] if isinstance(mark[0], UUID) else UUID(mark[0])


# --- Statements --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Statement:
    using: str
    sql: str
    parameters: tuple[Any, ...]


_statements = Recent[tuple[Any, ...], _Statement | None](MOST_STATEMENTS)


def _rows(user: Viewer, wanted: Wanted, *, counted: bool) -> list[Mark]:
    # A queryset of debates goes by the viewer, and by the scope that the code runs in.
    asked = (_who(user), scopes.current(), wanted, counted)
    statement = _statements.get(asked, lambda: _statement(user, wanted, counted=counted))
    return [] if statement is None else _carried_out(statement)


def _carried_out(statement: _Statement) -> list[Mark]:
    with connections[statement.using].cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        rows: list[Mark] = cursor.fetchall()
    return rows


def _who(user: Viewer) -> tuple[Any, ...] | None:
    """Tells viewers apart who may see different debates."""
    if user is None or not user.is_authenticated:
        return None
    key = key_behind(user)
    return user.pk, key and key.workspace_id


def _statement(user: Viewer, wanted: Wanted, *, counted: bool) -> _Statement | None:
    """None where nothing can be found."""
    found = list_debates(user=user, q=wanted.q, statuses=wanted.statuses, tag=wanted.tag)
    shown = found.order_by() if counted else _part(found, wanted)
    if not counted:
        return _as_statement(shown.values_list(*CHANGING))
    ids = _as_statement(shown.values_list("id"))
    return ids and replace(ids, sql=f"SELECT COUNT(*) FROM ({ids.sql}) AS found")  # noqa: S608


def _as_statement(rows: QuerySet[Debate, Any]) -> _Statement | None:
    try:
        sql, parameters = rows.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        return None
    return _Statement(rows.db, sql, tuple(parameters))


def _part(found: QuerySet[Debate], wanted: Wanted) -> QuerySet[Debate]:
    """One more than is wanted, to see whether there are more."""
    if wanted.after is not None:
        moment, key = wanted.after
        found = found.filter(Q(created_at__lt=moment) | Q(created_at=moment, id__lt=key))
    return found[wanted.offset : wanted.offset + wanted.limit + 1]
