"""Batches: many debates that are started by one request."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from debates.api.auth import ApiRequest
from debates.api.batch_requests import BatchIn, ignored_in, items_of, new_item, with_places
from debates.api.endpoints import (
    READ_ERRORS,
    READ_ONE_ERRORS,
    WRITE_ERRORS,
    WRITE_ONE_ERRORS,
    endpoint,
)
from debates.api.idempotent import WITH_KEY, idempotent
from debates.api.paging import PageIn, PageOut
from debates.api.requests import MAX_WARNINGS, ReasonIn
from debates.choices import DebateStatus
from debates.exceptions import StateForbids
from debates.models import Debate
from debates.selectors.batches import BatchFigures, BatchStatus, debates_of_batch, figures_of
from debates.selectors.batches import list_batches as page_of_batches
from debates.selectors.objects import verdict_of
from debates.selectors.queue import QueuePlace, queue_places
from debates.services.batches import (
    MAX_DEBATES,
    FaultyBatch,
    NewBatch,
    Priority,
    StoredDebate,
    create_batch,
)
from debates.services.batches import cancel_batch as cancel
from debates.streaming.envelope import timestamp
from ratelimit.starts import starting

router = Router(tags=["batches of debates"])

STATUSES = ", ".join(f"`{status}`" for status in BatchStatus)
DEBATES_ONLY = frozenset({"", "debate"})
"""What a client may ask for the batches of, and find any."""


# --- What comes in -----------------------------------------------------------------------------


class BatchesIn(PageIn):
    """Which batches."""

    status: BatchStatus | None = Field(default=None, description=STATUSES)
    operation_type: str = Field(
        default="", max_length=50, description="`debate`; of other kinds there are none."
    )


# --- What goes out -----------------------------------------------------------------------------


class StoredItemOut(BaseModel):
    """A debate of a batch that was stored and, unless told otherwise, queued."""

    index: int = Field(description="Its place in the request, from 0.")
    debate_id: str
    slug: str
    status: str
    queue_position: int | None = Field(description="1 for the next to run; null when not queued.")


class BatchCreatedOut(BaseModel):
    """All of the batch was stored."""

    success: bool = True
    batch_id: str
    items_queued: int
    total_items: int
    status_url: str
    items: list[StoredItemOut]
    warnings: list[str] = Field(default=[], description="Fields of the body that were ignored.")


class BatchOut(BaseModel):
    """A batch in short. A debate that was deleted is none of its items any more."""

    batch_id: str
    status: BatchStatus = Field(
        description="`completed` when all are over and one at least came to its end."
    )
    total_items: int
    finished_items: int = Field(description="Those that are over, however they ended.")
    progress_percent: float
    totals: dict[str, int] = Field(description="How many debates are in each state.")
    created_at: str
    status_url: str


class BatchesOut(PageOut):
    """A page of batches, newest first."""

    batches: list[BatchOut]
    items: list[BatchOut] = Field(description="The same as `batches`.")


class ResultOut(BaseModel):
    """What a debate came to."""

    consensus_reached: bool
    final_answer: str | None
    confidence: float
    method: str
    winners: list[str]
    explanation: str


class BatchItemOut(BaseModel):
    """How a debate of a batch stands."""

    index: int = Field(description="Its place in the request, from 0.")
    debate_id: str
    slug: str
    task: str
    status: str
    queue_position: int | None = Field(description="1 for the next to run; null when not queued.")
    estimated_wait_seconds: int | None
    result: ResultOut | None = Field(description="null until there is a verdict.")
    error: str | None = Field(description="Why it failed.")
    events_url: str


class BatchDetailOut(BatchOut):
    """A batch with its debates, in the order in which they were given."""

    success: bool = True
    items: list[BatchItemOut]


class BatchCancelledOut(BaseModel):
    """What became of a batch."""

    success: bool = True
    batch_id: str
    status: BatchStatus
    cancelled: int = Field(description="How many of its debates are cancelled.")
    message: str


# --- Operations --------------------------------------------------------------------------------


@endpoint(
    router,
    "POST",
    "/v1/debates/batch",
    answer=BatchCreatedOut,
    status=201,
    errors=(*WRITE_ERRORS, HTTPStatus.TOO_MANY_REQUESTS),
    aliases=["/v1/batch"],
    extra=WITH_KEY,
)
@idempotent
def submit_batch(request: ApiRequest, body: BatchIn) -> Status[BatchCreatedOut]:
    """Start many debates.

    All of them, or none: a 400 names what is wrong by index and field (`requests.3.rounds`), a 429
    says that there is no room for all. A batch counts as as many starts as it has debates."""
    name, given = items_of(body)
    batch = NewBatch(
        # One more than there may be is one too many.
        items=[new_item(item, body.metadata) for item in given[: MAX_DEBATES + 1]],
        priority=body.priority or Priority.NORMAL.value,
        webhook_url=body.webhook_url,
    )
    try:
        with starting(request, len(given), field=name):
            stored = create_batch(batch=batch, owner=request.auth.user, now=timezone.now())
    except FaultyBatch as error:
        raise with_places(error, name, given) from error
    warnings = list(islice(ignored_in(json.loads(request.body), name, given), MAX_WARNINGS))
    return Status(201, _created(request, stored, warnings))


@endpoint(router, "GET", "/v1/debates/batch", answer=BatchesOut, errors=READ_ERRORS)
def list_batches(request: ApiRequest, asked: Query[BatchesIn]) -> BatchesOut:
    """The caller's batches and those of the caller's workspaces, newest first."""
    offset, limit = asked.offset, asked.limit
    if asked.operation_type not in DEBATES_ONLY:
        return BatchesOut(
            batches=[], items=[], total=0, count=0, limit=limit, offset=offset, has_more=False
        )
    page = page_of_batches(user=request.auth.user, status=asked.status, offset=offset, limit=limit)
    batches = [BatchOut(**_in_short(request, figures)) for figures in page.batches]
    return BatchesOut(
        batches=batches,
        items=batches,
        total=page.total,
        count=len(batches),
        limit=limit,
        offset=offset,
        has_more=offset + len(batches) < page.total,
    )


@endpoint(
    router,
    "GET",
    "/v1/debates/batch/{batch_id}/status",
    answer=BatchDetailOut,
    errors=READ_ONE_ERRORS,
    aliases=["/v1/debates/batch/{batch_id}"],
)
def get_batch_status(request: ApiRequest, batch_id: str) -> BatchDetailOut:
    """How a batch stands, with every debate and what it came to."""
    debates = debates_of_batch(user=request.auth.user, batch_id=batch_id)
    waits = any(debate.status == DebateStatus.PENDING for debate in debates)
    places = queue_places() if waits else {}
    return BatchDetailOut(
        **_in_short(request, figures_of(debates)),
        items=[_item_out(request, debate, places.get(debate.pk)) for debate in debates],
    )


@endpoint(
    router,
    "POST",
    "/v1/debates/batch/{batch_id}/cancel",
    answer=BatchCancelledOut,
    errors=WRITE_ONE_ERRORS,
)
def cancel_batch(
    request: ApiRequest, batch_id: str, body: ReasonIn | None = None
) -> BatchCancelledOut:
    """End all debates of a batch that are not over.

    Sent again it changes nothing and answers the same, so it needs no Idempotency-Key."""
    viewer = request.auth.user
    options = {"reason": body.reason} if body and body.reason else {}
    debates = debates_of_batch(user=viewer, batch_id=batch_id)
    cancel(debates=debates, actor=viewer, **options)
    figures = figures_of(debates_of_batch(user=viewer, batch_id=batch_id))
    cancelled = figures.totals[DebateStatus.CANCELLED]
    if not cancelled:
        raise StateForbids("Every debate of the batch is over already.")
    return BatchCancelledOut(
        batch_id=str(figures.batch_id),
        status=figures.status,
        cancelled=cancelled,
        message=f"{cancelled} of {figures.total} debates are cancelled.",
    )


# --- Telling -----------------------------------------------------------------------------------


def _created(
    request: HttpRequest, stored: Sequence[StoredDebate], warnings: list[str]
) -> BatchCreatedOut:
    batch_id = str(stored[0].debate.batch)
    return BatchCreatedOut(
        batch_id=batch_id,
        items_queued=sum(one.queue_position is not None for one in stored),
        total_items=len(stored),
        status_url=_status_url(request, batch_id),
        items=[
            StoredItemOut(
                index=index,
                debate_id=str(one.debate.pk),
                slug=one.debate.slug,
                status=one.debate.status,
                queue_position=one.queue_position,
            )
            for index, one in enumerate(stored)
        ],
        warnings=warnings,
    )


def _status_url(request: HttpRequest, batch_id: str) -> str:
    return request.build_absolute_uri(f"/api/v1/debates/batch/{batch_id}/status")


def _in_short(request: HttpRequest, figures: BatchFigures) -> dict[str, Any]:
    """What `BatchOut` holds."""
    batch_id = str(figures.batch_id)
    return {
        "batch_id": batch_id,
        "status": figures.status,
        "total_items": figures.total,
        "finished_items": figures.over,
        "progress_percent": round(100 * figures.over / figures.total, 1),
        "totals": {status.value: count for status, count in figures.totals.items()},
        "created_at": timestamp(figures.created_at),
        "status_url": _status_url(request, batch_id),
    }


def _item_out(request: HttpRequest, debate: Debate, place: QueuePlace | None) -> BatchItemOut:
    verdict = verdict_of(debate)
    return BatchItemOut(
        index=debate.batch_index or 0,
        debate_id=str(debate.pk),
        slug=debate.slug,
        task=debate.question,
        status=debate.status,
        queue_position=place.position if place else None,
        estimated_wait_seconds=place.estimated_wait_seconds if place else None,
        result=ResultOut(
            consensus_reached=verdict.reached,
            final_answer=verdict.answer,
            confidence=verdict.confidence,
            method=verdict.method,
            winners=list(verdict.winners),
            explanation=verdict.explanation,
        )
        if verdict
        else None,
        error=debate.failure or None,
        events_url=request.build_absolute_uri(f"/api/v1/debates/{debate.pk}/events"),
    )
