"""Debates that were started together, as those see them who take part in their workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import add
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet

from debates.choices import TERMINAL_STATUSES, DebateStatus, Visibility
from debates.exceptions import NotFound
from debates.models import Debate
from debates.selectors.finding import Viewer
from ratelimit.workspaces import memberships_of


class BatchStatus(StrEnum):
    """Where a batch stands, in the words of its clients."""

    PENDING = "pending"
    """None of its debates has begun."""
    PROCESSING = "processing"
    COMPLETED = "completed"
    """All are over, and one at least has come to its end."""
    FAILED = "failed"
    """All are over, none has come to its end, and one at least has failed."""
    CANCELLED = "cancelled"
    """All were cancelled."""


_NOT_BEGUN = (DebateStatus.CREATED, DebateStatus.PENDING)


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """A batch in short: as many of its debates as the viewer may see."""

    batch_id: UUID
    created_at: datetime
    totals: Mapping[DebateStatus, int]
    """How many there are in each state."""

    @property
    def total(self) -> int:
        return sum(self.totals.values())

    @property
    def over(self) -> int:
        return sum(self.totals[status] for status in TERMINAL_STATUSES)

    @property
    def status(self) -> BatchStatus:
        if self.over < self.total:
            begun = self.total - sum(self.totals[status] for status in _NOT_BEGUN)
            return BatchStatus.PROCESSING if begun else BatchStatus.PENDING
        if self.totals[DebateStatus.COMPLETED]:
            return BatchStatus.COMPLETED
        return BatchStatus.FAILED if self.totals[DebateStatus.FAILED] else BatchStatus.CANCELLED


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Batches, newest first, and how many there are under the filter."""

    batches: list[BatchFigures]
    total: int


def list_batches(*, user: Viewer, status: BatchStatus | None, offset: int, limit: int) -> BatchPage:
    """A page of the batches of which the viewer may see something. Two queries."""
    counts: dict[str, Any] = {
        word.value: Count("pk", filter=Q(status=word)) for word in DebateStatus
    }
    found = _theirs(user).order_by().values("batch")
    found = found.annotate(began=Min("created_at"), every=Count("pk"), **counts)
    if status is not None:
        over, idle = _sum(TERMINAL_STATUSES), _sum(_NOT_BEGUN)
        found = found.annotate(over=over, idle=idle).filter(_STANDS[status])
    words = [word.value for word in DebateStatus]
    rows = found.order_by("-began", "batch").values_list("batch", "began", *words)
    batches = [
        BatchFigures(batch, began, dict(zip(DebateStatus, counted, strict=True)))
        for batch, began, *counted in rows[offset : offset + limit]
    ]
    return BatchPage(batches, found.count())


def debates_of_batch(*, user: Viewer, batch_id: str) -> list[Debate]:
    """The debates of a batch that the viewer may see, in the order in which they were given, with
    their verdicts. Raises `NotFound` where there is none. One query."""
    try:
        key = UUID(batch_id)
    except ValueError:
        raise _no_such_batch() from None
    found = _theirs(user).filter(batch=key).select_related("verdict").defer("context", "panel")
    debates = list(found.order_by("batch_index"))
    if not debates:
        raise _no_such_batch()
    return debates


def figures_of(debates: list[Debate]) -> BatchFigures:
    """The figures of the batch that these debates are; at least one."""
    counted = Counter(debate.status for debate in debates)
    batch_id = debates[0].batch
    assert batch_id is not None  # noqa: S101
    return BatchFigures(
        batch_id,
        min(debate.created_at for debate in debates),
        {word: counted[word] for word in DebateStatus},
    )


def _theirs(user: Viewer) -> QuerySet[Debate]:
    """The debates of batches of the viewer's workspaces, but for what others there keep to
    themselves; without an account, of those that people without one started. That a debate is
    public shows nobody what it was started with."""
    if user is None or not user.is_authenticated:
        return Debate.objects.filter(workspace=None, batch__isnull=False)
    shown = Q(owner=user.pk) | ~Q(visibility=Visibility.PRIVATE)
    theirs = memberships_of(user).values("workspace")
    return Debate.objects.filter(shown, workspace__in=theirs, batch__isnull=False)


_STANDS = {
    BatchStatus.PENDING: Q(idle=F("every")),
    BatchStatus.PROCESSING: Q(over__lt=F("every"), idle__lt=F("every")),
    BatchStatus.COMPLETED: Q(over=F("every"), completed__gt=0),
    BatchStatus.FAILED: Q(over=F("every"), completed=0, failed__gt=0),
    BatchStatus.CANCELLED: Q(over=F("every"), completed=0, failed=0),
}
"""`BatchFigures.status` as a condition on the counts."""


def _sum(statuses: Collection[DebateStatus]) -> Any:
    """Of the counts of these states."""
    first, *others = (F(status.value) for status in sorted(statuses))
    return reduce(add, others, first)


def _no_such_batch() -> NotFound:
    return NotFound("There is no such batch, or it is not yours to see.")
