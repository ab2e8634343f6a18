"""Pages of the list of debates, by what may have changed in each.

Everybody asks for the list, and most of it is as it was. So a page is a list of marks: all that
changes in a debate, as the database has it. Who has made something of a debate with the same mark
need not make it again. Which debates there are, in what order, and who may see them, is asked of
the database every time; only the statement for it is kept, since making that takes ten times as
long as carrying it out.

The database writes the marks, and gives them all as one text. SQLite lets other threads go on
before each row, and to get the interpreter back from them takes longer than the row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, JSONArray

from aragora_site.recent import Recent
from aragora_site.tenancy import scopes
from debates.choices import DebateStatus
from debates.models import Debate
from debates.selectors.finding import (
    Viewer,
    debates_visible_to,
    list_debates,
    with_outcome,
)
from ratelimit.keys import key_behind

Mark = str
"""The values of `CHANGING` as a line of JSON."""

CHANGING = (
    *("id", "epoch", "last_seq", "status", "stop_reason", "failure", "round", "phase"),
    *("title", "tags", "domain", "metadata", "visibility", "started_at", "completed_at"),
    *("input_tokens", "output_tokens", "cost_usd", "active_seconds", "archived_at"),
)
"""What of a debate may change, of all that `debate_object` shows. Its rounds and its verdict, which
are rows of their own, change with an event, and that moves `last_seq`."""
END_OF_LINE = "\n"
"""Between marks; JSON writes it as two other characters."""
JOIN = {"sqlite": "GROUP_CONCAT", "postgresql": "STRING_AGG"}
MOST_STATEMENTS = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which debates, and which part of them."""

    statuses: frozenset[DebateStatus] = frozenset()
    q: str = ""
    tag: str = ""
    archived: bool = False
    after: tuple[datetime, UUID] | None = None
    """Moment and id of the debate before the first one."""
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """The debates of a page, and how many there are under these filters."""

    marks: list[Mark]
    total: int
    has_more: bool


def marked_page(*, user: Viewer, wanted: Wanted) -> MarkedPage:
    """The page as it is now; one query."""
    # A queryset of debates goes by the viewer, and by the scope that the code runs in.
    asked = (_who(user), scopes.current(), wanted)
    statement = _statements.get(asked, lambda: _statement(user, wanted))
    if statement is None:
        return MarkedPage([], 0, has_more=False)
    with connections[statement.using].cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        lines, total = cursor.fetchone()
    marks = lines.split(END_OF_LINE) if lines else []
    return MarkedPage(marks[: wanted.limit], total, has_more=len(marks) > wanted.limit)


def debates_of(marks: list[Mark], *, user: Viewer) -> list[Debate]:
    """The debates with these marks, as far as they are still there for the viewer; two queries."""
    return list(with_outcome(_shown(marks, user)).defer("context"))


def marks_now(marks: list[Mark], *, user: Viewer) -> set[Mark]:
    """The marks of these debates as they are now; one query."""
    return set(_marks(_shown(marks, user)))


def _shown(marks: list[Mark], user: Viewer) -> QuerySet[Debate]:
    return debates_visible_to(user).filter(pk__in=map(key_of, marks)).order_by()


def key_of(mark: Mark) -> UUID:
    """The debate's id."""
    return UUID(json.loads(mark)[0])


# --- Statements --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Statement:
    using: str
    sql: str
    parameters: tuple[Any, ...]


_statements = Recent[tuple[Any, ...], _Statement | None](MOST_STATEMENTS)


def _who(user: Viewer) -> tuple[Any, ...] | None:
    """Tells viewers apart who may see different debates."""
    if user is None or not user.is_authenticated:
        return None
    key = key_behind(user)
    return user.pk, key and key.workspace_id


def _statement(user: Viewer, wanted: Wanted) -> _Statement | None:
    """None where nothing can be found."""
    found = list_debates(
        user=user,
        q=wanted.q,
        statuses=wanted.statuses,
        tag=wanted.tag,
        archived=wanted.archived,
    )
    try:
        page, of_page = _sql(_marks(_part(found, wanted)))
        every, of_every = _sql(found.order_by().values_list("id"))
    except EmptyResultSet:
        return None
    join = JOIN[connections[found.db].vendor]
    sql = (
        f"SELECT (SELECT {join}(mark, %s) FROM ({page}) AS page),"  # noqa: S608
        f" (SELECT COUNT(*) FROM ({every}) AS every)"
    )
    return _Statement(found.db, sql, (END_OF_LINE, *of_page, *of_every))


def _marks(debates: QuerySet[Debate]) -> QuerySet[Debate, Mark]:
    mark = Cast(JSONArray(*CHANGING), TextField())
    return debates.annotate(mark=mark).values_list("mark", flat=True)


def _sql(rows: QuerySet[Debate, Any]) -> tuple[str, list[Any]]:
    """The statement and its parameters. Raises `EmptyResultSet`."""
    sql, parameters = rows.query.get_compiler(rows.db).as_sql()
    # The driver is slow with words that are members of an enumeration.
    return sql, [str(value) if isinstance(value, str) else value for value in parameters]


def _part(found: QuerySet[Debate], wanted: Wanted) -> QuerySet[Debate]:
    """One more than is wanted, to see whether there are more."""
    if wanted.after is not None:
        moment, key = wanted.after
        found = found.filter(Q(created_at__lt=moment) | Q(created_at=moment, id__lt=key))
    return found[wanted.offset : wanted.offset + wanted.limit + 1]
