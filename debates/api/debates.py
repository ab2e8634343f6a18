"""Debates: to start one, find it, steer it, and put it away."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.endpoints import (
    READ_ERRORS,
    READ_ONE_ERRORS,
    WRITE_ERRORS,
    WRITE_ONE_ERRORS,
    endpoint,
)
from debates.api.finding import debate_of
from debates.api.idempotent import WITH_KEY, idempotent
from debates.api.listed import page_of_debates
from debates.api.paging import CursorPageIn
from debates.api.requests import (
    CreateDebateIn,
    UpdateDebateIn,
    ignored,
    ignored_fields,
    in_the_clients_words,
    names_of,
    new_debate,
)
from debates.api.responses import (
    ChangedOut,
    CreatedOut,
    DebateDetailOut,
    DebatesOut,
    EstimateOut,
    ParentOut,
    QueueStatusOut,
    SeatOut,
)
from debates.api.words import STATUS_WORDS, statuses
from debates.engine.types import DEFAULT_ROUNDS
from debates.exceptions import InvalidInput
from debates.models import Debate
from debates.models.debate import MAX_QUESTION_LENGTH, MAX_ROUNDS, MIN_ROUNDS
from debates.selectors.estimates import estimate_size
from debates.selectors.finding import parent_of
from debates.services import editing
from debates.services.creation import create_debate as create
from debates.streaming.envelope import timestamp

router = Router(tags=["debates"])


class DebatesIn(CursorPageIn):
    """Which debates."""

    status: str | None = Field(
        default=None,
        description=f"One or several, with commas: {', '.join(STATUS_WORDS)}.",
    )
    q: str = Field(default="", max_length=500, description="Words of the question or the title.")
    tag: str = Field(default="", max_length=50)
    archived: bool = Field(
        default=False, description="true: the debates that were put away, and only those."
    )


class SizeIn(BaseModel):
    """How large a debate."""

    num_agents: int = Field(default=3, ge=2, le=50)
    num_rounds: int = Field(default=DEFAULT_ROUNDS, ge=MIN_ROUNDS, le=MAX_ROUNDS)
    model_types: str = Field(
        default="", max_length=2000, description="Names of agents or models, with commas."
    )
    question: str = Field(default="", max_length=MAX_QUESTION_LENGTH)


SIZE_WORDS = names_of(SizeIn)


@endpoint(
    router,
    "POST",
    "/v1/debates",
    answer=CreatedOut,
    status=201,
    errors=(*WRITE_ERRORS, HTTPStatus.TOO_MANY_REQUESTS),
    aliases=["/debates", "/v1/debate", "/debate", "/v1/debate-this", "/debate-this"],
    extra=WITH_KEY,
)
@idempotent
def create_debate(request: ApiRequest, body: CreateDebateIn) -> Status[CreatedOut]:
    """Start a debate.

    It is queued and runs on its own; `autostart: false` only stores it. When as many debates wait
    as may, the answer is 429, `queue_full`, and nothing is created."""
    given = json.loads(request.body)
    try:
        debate = create(request=new_debate(body), owner=request.auth.user, now=timezone.now())
    except InvalidInput as error:
        raise in_the_clients_words(error, given) from error
    return Status(201, CreatedOut(**created(request, debate, warnings=ignored_fields(given))))


@endpoint(router, "GET", "/v1/debates", answer=DebatesOut, errors=READ_ERRORS, aliases=["/debates"])
def list_debates(request: ApiRequest, asked: Query[DebatesIn]) -> HttpResponse:
    """The public debates, the caller's own and those of the caller's workspaces, newest first."""
    wanted = statuses(asked.status) if asked.status else frozenset()
    return page_of_debates(
        user=request.auth.user,
        asked=asked,
        statuses=wanted,
        q=asked.q,
        tag=asked.tag,
        archived=asked.archived,
    )


@endpoint(
    router,
    "GET",
    "/v1/debates/active",
    answer=DebatesOut,
    errors=READ_ERRORS,
    aliases=["/debates/active"],
)
def list_active_debates(request: ApiRequest, asked: Query[CursorPageIn]) -> HttpResponse:
    """The debates under way: waiting, running or paused."""
    return page_of_debates(user=request.auth.user, asked=asked, statuses=STATUS_WORDS["active"])


@endpoint(
    router,
    "GET",
    "/v1/debates/archived",
    answer=DebatesOut,
    errors=READ_ERRORS,
    aliases=["/debates/archived"],
)
def list_archived_debates(request: ApiRequest, asked: Query[CursorPageIn]) -> HttpResponse:
    """The debates that were put away."""
    return page_of_debates(user=request.auth.user, asked=asked, statuses=frozenset(), archived=True)


@endpoint(
    router,
    "GET",
    "/v1/debates/queue/status",
    answer=QueueStatusOut,
    errors=READ_ERRORS,
    aliases=["/debates/queue/status", "/v1/batch/queue/status"],
)
def get_queue_status(request: ApiRequest) -> QueueStatusOut:
    """How many debates wait and run, and for about how long a new one would wait."""
    found = selectors.queue_status()
    return QueueStatusOut(
        queued=found.queued,
        running=found.running,
        capacity=found.seats,
        max_queued=found.limit,
        accepting=found.queued < found.limit,
        average_seconds=found.average_seconds,
        estimated_wait_seconds=found.estimated_wait_seconds,
    )


@endpoint(router, "GET", "/v1/debates/estimate-cost", answer=EstimateOut, errors=READ_ERRORS)
def estimate_cost(request: ApiRequest, asked: Query[SizeIn]) -> EstimateOut:
    """What a debate may use, before there is one.

    With fewer agents than seats, they sit down again."""
    names = [word for word in asked.model_types.split(",") if word.strip()]
    sized = estimate_size(
        seats=asked.num_agents, rounds=asked.num_rounds, names=names, question=asked.question
    )
    found, unpriced = sized.estimate, sized.unpriced
    return EstimateOut(
        num_agents=asked.num_agents,
        num_rounds=asked.num_rounds,
        calls_low=found.calls_low,
        calls_high=found.calls_high,
        tokens_low=found.tokens_low,
        tokens_high=found.tokens_high,
        cost_low_usd=None if unpriced else found.cost_low_usd,
        cost_high_usd=None if unpriced else found.cost_high_usd,
        total_estimated_cost_usd=None if unpriced else found.cost_high_usd,
        cost_known=not unpriced,
        note=_without_price(unpriced),
        warnings=ignored(request.GET, SIZE_WORDS, kind="parameter"),
        by_agent=[
            SeatOut(
                agent=agent,
                cost_high_usd=None if agent in unpriced else found.by_agent[f"{agent} {seat}"],
            )
            for seat, agent in enumerate(sized.agents, start=1)
        ],
    )


@endpoint(
    router,
    "GET",
    "/v1/debates/{ref}",
    answer=DebateDetailOut,
    errors=READ_ONE_ERRORS,
    aliases=["/debates/{ref}", "/v1/debates/slug/{ref}", "/v1/debate/{ref}"],
)
def get_debate(request: ApiRequest, ref: str) -> DebateDetailOut:
    """One debate, by id or slug, with all but its transcript.

    It is the state as of `seq`; later events of the same `epoch` lead on from it."""
    return debate_detail(debate_of(request, ref), viewer=request.auth.user)


@endpoint(
    router,
    "PATCH",
    "/v1/debates/{ref}",
    answer=DebateDetailOut,
    errors=WRITE_ONE_ERRORS,
    aliases=["/debates/{ref}"],
)
def update_debate(request: ApiRequest, ref: str, body: UpdateDebateIn) -> DebateDetailOut:
    """Change the title, the tags, the metadata or who may see it."""
    debate = debate_of(request, ref)
    editing.update_debate(debate_id=debate.pk, actor=request.auth.user, **body.model_dump())
    return debate_detail(debate_of(request, ref), viewer=request.auth.user)


@endpoint(
    router,
    "DELETE",
    "/v1/debates/{ref}",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    aliases=["/debates/{ref}"],
)
def delete_debate(request: ApiRequest, ref: str) -> ChangedOut:
    """Remove the debate with its transcript.

    One under way has to be cancelled first. What it cost stays on record."""
    debate = debate_of(request, ref)
    editing.delete_debate(debate_id=debate.pk, actor=request.auth.user)
    return ChangedOut(debate_id=str(debate.pk), status="deleted", message="The debate was deleted.")


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/archive",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def archive_debate(request: ApiRequest, ref: str) -> ChangedOut:
    """Put the debate away.

    Lists hold it no longer, unless they are asked for what is archived; its address goes on to
    answer. One that waits, runs or is paused has to be cancelled first."""
    found = debate_of(request, ref)
    now = timezone.now()
    debate = editing.archive_debate(debate_id=found.pk, actor=request.auth.user, now=now)
    return ChangedOut(
        debate_id=str(debate.pk), status=debate.status, message="The debate is archived."
    )


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/unarchive",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def unarchive_debate(request: ApiRequest, ref: str) -> ChangedOut:
    """Take the debate back into the lists."""
    found = debate_of(request, ref)
    debate = editing.unarchive_debate(debate_id=found.pk, actor=request.auth.user)
    return ChangedOut(
        debate_id=str(debate.pk), status=debate.status, message="The debate is in the lists again."
    )


def _without_price(agents: Sequence[str]) -> str:
    if not agents:
        return ""
    return (
        f"The price of {', '.join(agents)} is not known, so that nobody can tell the cost: enter "
        "it with the agent."
    )


def debate_detail(debate: Debate, *, viewer: selectors.Viewer) -> DebateDetailOut:
    """Everything about a debate but its transcript."""
    documents = debate.documents.order_by("number").values("number", "title", "source")
    place = selectors.queue_place(debate)
    parent = parent_of(debate, user=viewer)
    return DebateDetailOut.model_validate(
        {
            **selectors.debate_object(debate),
            "context": debate.context,
            "documents": list(documents),
            "parent": parent and ParentOut.of(parent),
            "queue_position": place.position if place else None,
            "estimated_wait_seconds": place.estimated_wait_seconds if place else None,
            "seq": debate.last_seq,
            "epoch": str(debate.epoch),
        }
    )


def created(request: HttpRequest, debate: Debate, *, warnings: list[str]) -> dict[str, Any]:
    """What `CreatedOut` says of a debate that was just made."""
    key = str(debate.pk)
    events_url = request.build_absolute_uri(f"/api/v1/debates/{key}/events")
    ws_url = _websocket(request.build_absolute_uri(f"/ws/debates/{key}"))
    place = selectors.queue_place(debate)
    return {
        "debate_id": key,
        "id": key,
        "slug": debate.slug,
        "status": debate.status,
        "task": debate.question,
        "agents": selectors.agent_names(debate),
        "rounds": debate.rounds,
        "created_at": timestamp(debate.created_at),
        "queue_position": place.position if place else None,
        "estimated_wait_seconds": place.estimated_wait_seconds if place else None,
        "events_url": events_url,
        "ws_url": ws_url,
        "websocket_url": ws_url,
        "warnings": warnings,
    }


def _websocket(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
