"""For whom the running code acts: the tenants whose rows it sees and may change.

Whoever begins something enters a scope: a request, a question of the stream, a step of a worker, a
command. Managers, and on PostgreSQL the database itself, go by it. A scope belongs to the context
(`contextvars`), so threads and tasks that are begun without it have none.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

EVERYTHING = "all:"
"""With what the setting of a scope over all tenants begins; its purpose follows."""


class Purpose(StrEnum):
    """What one may see all tenants for."""

    QUEUE = "queue"
    """Serving the queue, and freeing what dead workers hold."""
    STREAM = "stream"
    """One look at the log for all readers of this process, each of whom was let in by itself."""
    CLEANING = "cleaning"
    """Dropping what is too old, or belongs to what is deleted."""
    LINK = "link"
    """Finding the debate that a shared link opens."""
    SEARCH = "search"
    """Keeping vectors at hand for all who search, each of whom finds only what is theirs."""
    STAFF = "staff"
    """The admin site."""
    OPERATOR = "operator"
    """Commands of whoever has the machine."""


class UnscopedQuery(RuntimeError):
    """Rows of tenants were asked for by code that did not say for whom it acts."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The tenants that are acted for, beside what is public and what belongs to nobody."""

    tenants: frozenset[UUID] = frozenset()
    purpose: Purpose | None = None
    """Given for all tenants."""
    linked: frozenset[UUID] = frozenset()
    """Debates that may be read besides, by a link."""

    @property
    def sees_all(self) -> bool:
        return self.purpose is not None

    @property
    def setting(self) -> str:
        """What PostgreSQL is told (`app.tenant_id`)."""
        if self.purpose is not None:
            return f"{EVERYTHING}{self.purpose}"
        return ",".join(map(str, self.tenants | self.linked))


NOBODY = Scope()
"""Sees what is public."""


class _Later:
    """A scope that is found when the first row is asked for: most requests ask for none."""

    __slots__ = ("_find", "_found")

    def __init__(self, find: Callable[[], Scope]) -> None:
        self._find = find
        self._found: Scope | None = None

    def scope(self) -> Scope:
        if self._found is None:
            self._found = self._find()
        return self._found


_current: ContextVar[Scope | _Later | None] = ContextVar("tenancy_scope", default=None)


@contextmanager
def act_for(*tenants: UUID | None) -> Iterator[None]:
    """See and change the rows of these tenants; None stands for the debates of nobody.

    For code that has checked that it may: nothing is checked here."""
    with _scope(Scope(frozenset(tenant for tenant in tenants if tenant is not None))):
        yield


@contextmanager
def act_later_for(find: Callable[[], Scope]) -> Iterator[None]:
    """Act in the scope that `find` returns; it is asked once, when the first row is asked for."""
    with _scope(_Later(find)):
        yield


@contextmanager
def across_tenants(purpose: Purpose) -> Iterator[None]:
    """See and change the rows of all tenants. A test lists the modules that may."""
    with _scope(Scope(purpose=purpose)):
        yield


@contextmanager
def act_in(scope: Scope) -> Iterator[None]:
    """Act in a scope that is at hand."""
    with _scope(scope):
        yield


def also_read(debate: UUID) -> None:
    """To the end of the scope that is entered: read this debate and its parts, too, since whoever
    asks has shown its link. Change nothing of it."""
    before = _current.get()
    if before is None:
        return  # Nobody has said when it would end.

    def find() -> Scope:
        scope = before.scope() if isinstance(before, _Later) else before
        return replace(scope, linked=scope.linked | {debate})

    _current.set(_Later(find))


@contextmanager
def outside() -> Iterator[None]:
    """Act for nobody that is known: what follows has to say for whom it acts."""
    with _scope(None):
        yield


@contextmanager
def _scope(scope: Scope | _Later | None) -> Iterator[None]:
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Scope | None:
    """The scope that the running code is in."""
    found = _current.get()
    return found.scope() if isinstance(found, _Later) else found


def scope_for(rows: str) -> Scope:
    """The scope in which `rows`, a model or a statement, are asked for.

    Without one: `UnscopedQuery` where `TENANCY_STRICT` is set, as it is in tests; elsewhere
    nothing but what is public, and an error in the log, once for each place in the code."""
    found = current()
    if found is not None:
        return found
    if settings.TENANCY_STRICT:
        raise UnscopedQuery(f"Enter a scope (aragora_site.tenancy) before you ask for {rows[:200]}")
    _complain()
    return NOBODY


_complained: set[str] = set()


def _complain() -> None:
    where = "\n".join(traceback.format_stack(limit=12)[:-2])
    if where not in _complained and len(_complained) < 100:
        _complained.add(where)
        log.error("unscoped_query", where=where)
