"""Debates that are made from another one: cloned, followed up, forked."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import AliasChoices, BaseModel, Field

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.debates import created
from debates.api.endpoints import READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.idempotent import WITH_KEY, idempotent
from debates.api.paging import Page, PageIn, PageOut
from debates.api.requests import AgentNames, Whole, YesNo, ignored, names_of
from debates.api.responses import CreatedOut
from debates.choices import Origin
from debates.exceptions import InvalidInput
from debates.models import Debate
from debates.selectors.finding import children_of
from debates.selectors.objects import verdict_of
from debates.services import branching, forking
from debates.services.branching import Changes
from debates.streaming.envelope import timestamp

router = Router(tags=["branches of a debate"])

ERRORS = (*WRITE_ONE_ERRORS, HTTPStatus.TOO_MANY_REQUESTS)


class BranchIn(BaseModel):
    """What is to be otherwise than in the debate that the new one is made from."""

    agents: AgentNames = Field(default=None, description="Names of agents. Left out: as there.")
    title: str | None = None
    visibility: str | None = Field(
        default=None,
        description="`public`, `workspace` or `private`. Left out: as for any debate of yours.",
    )
    workspace: str | None = Field(
        default=None, description="Left out: your own, or that of the API key."
    )
    autostart: YesNo | None = Field(
        default=None, description="false: store the debate, and start it later with /start."
    )


class CloneIn(BranchIn):
    """A debate to hold once more. Nothing is needed."""

    judge: str | None = Field(default=None, description="An agent from outside the panel.")
    seed: Whole | None = Field(default=None, description="Left out: as there.")


class FollowUpIn(BranchIn):
    """A further question. Left out, the same one is asked further."""

    question: str | None = Field(
        default=None, validation_alias=AliasChoices("question", "task"), examples=["And by when?"]
    )
    context: str | None = Field(default=None, description="Beside the verdict.")
    judge: str | None = Field(default=None, description="An agent from outside the panel.")
    seed: Whole | None = None


class ForkIn(BranchIn):
    """From where a debate is to be argued anew, and with what."""

    branch_point: Whole = Field(
        default=0,
        description="The last round that is kept, but for its ballots; 0 keeps the blind answers "
        "alone.",
    )
    context: str | None = Field(
        default=None,
        validation_alias=AliasChoices("modified_context", "context"),
        description="What the panel has before it from there on. Left out: as there.",
    )


class BranchedOut(CreatedOut):
    """A debate that was made from another one."""

    branch_id: str = Field(description="The same as `debate_id`.")
    parent_debate_id: str
    origin: str = Field(description="`clone`, `fork` or `follow_up`.")
    branch_point: int | None = Field(description="Of a fork: the last round that is the parent's.")
    messages_inherited: int
    message: str


class ForkOut(BaseModel):
    """A fork, in short."""

    branch_id: str
    debate_id: str = Field(description="The same as `branch_id`.")
    slug: str
    task: str
    status: str
    agents: list[str]
    branch_point: int
    final_answer: str | None
    created_at: str
    archived_at: str | None


class ForksOut(PageOut):
    debate_id: str
    parent_debate_id: str = Field(description="The same as `debate_id`.")
    forks: list[ForkOut]
    items: list[ForkOut] = Field(description="The same as `forks`.")


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/clone",
    answer=BranchedOut,
    status=201,
    errors=ERRORS,
    extra=WITH_KEY,
)
@idempotent
def clone_debate(request: ApiRequest, ref: str, body: CloneIn | None = None) -> Status[BranchedOut]:
    """Hold a debate once more.

    The question, the context, the documents, the protocol and all settings are the same, and so is
    the panel, by name, with the agents as they are now. The new debate is the caller's."""
    asked = body or CloneIn()
    return _branch(
        request, ref, asked, _whole(branching.clone_debate), "The debate is held once more."
    )


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/followup",
    answer=BranchedOut,
    status=201,
    errors=ERRORS,
    extra=WITH_KEY,
)
@idempotent
def follow_up_debate(
    request: ApiRequest, ref: str, body: FollowUpIn | None = None
) -> Status[BranchedOut]:
    """Ask a further question of a debate that has come to a verdict.

    The panel has before it what the debate had, and its question and verdict besides."""
    asked = body or FollowUpIn()
    return _branch(request, ref, asked, _whole(branching.follow_up), "The follow-up is made.")


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/fork",
    answer=BranchedOut,
    status=201,
    errors=ERRORS,
    extra=WITH_KEY,
)
@idempotent
def fork_debate(request: ApiRequest, ref: str, body: ForkIn | None = None) -> Status[BranchedOut]:
    """Argue a debate anew from a round on.

    What was said up to the end of round `branch_point` is kept, but for the ballots of that round;
    0 keeps the blind answers alone. What is kept is not paid for again. Other agents can come in
    at 0 only. A fork is neither rated nor remembered."""
    asked = body or ForkIn()

    def forked(**options: Any) -> tuple[Debate, int]:
        made = forking.fork_debate(branch_point=asked.branch_point, **options)
        return made.debate, made.messages_inherited

    return _branch(request, ref, asked, forked, "The debate is forked.")


@endpoint(router, "GET", "/v1/debates/{ref}/forks", answer=ForksOut, errors=READ_ONE_ERRORS)
def list_forks(request: ApiRequest, ref: str, page: Query[PageIn]) -> ForksOut:
    """The forks of a debate that the caller may see, newest first."""
    debate = debate_of(request, ref)
    forks = children_of(debate, user=request.auth.user).filter(origin=Origin.FORK)
    shown = forks.select_related("verdict").defer("context")
    rows = [_fork(row) for row in shown[page.offset : page.offset + page.limit]]
    total = forks.count()
    part = Page(rows, total, page.limit, page.offset, page.offset + len(rows) < total)
    key = str(debate.pk)
    return ForksOut(debate_id=key, parent_debate_id=key, forks=rows, items=rows, **part.fields())


def _whole(make: Callable[..., Debate]) -> Callable[..., tuple[Debate, int]]:
    """A maker of debates that inherit no messages, in the form of one that does."""
    return lambda **options: (make(**options), 0)


def _branch(
    request: ApiRequest,
    ref: str,
    asked: BranchIn,
    make: Callable[..., tuple[Debate, int]],
    message: str,
) -> Status[BranchedOut]:
    parent = debate_of(request, ref)
    made, inherited = make(
        debate=parent, changes=_changes(asked), owner=request.auth.user, now=timezone.now()
    )
    key = str(made.pk)
    given = json.loads(request.body or b"{}") or {}
    return Status(
        201,
        BranchedOut(
            **created(request, made, warnings=ignored(given, names_of(type(asked)), kind="field")),
            branch_id=key,
            parent_debate_id=str(parent.pk),
            origin=made.origin,
            branch_point=made.branch_point,
            messages_inherited=inherited,
            message=message,
        ),
    )


def _changes(asked: BranchIn) -> Changes:
    if asked.agents == []:
        message = "Name at least two agents, or leave the field out for the same panel."
        raise InvalidInput(message, fields=(("agents", message),))
    given = asked.model_dump(exclude={"branch_point"}, exclude_none=True)
    if asked.agents is not None:
        given["agents"] = tuple(asked.agents)
    return Changes(**given)


def _fork(debate: Debate) -> ForkOut:
    verdict = verdict_of(debate)
    return ForkOut(
        branch_id=str(debate.pk),
        debate_id=str(debate.pk),
        slug=debate.slug,
        task=debate.question,
        status=debate.status,
        agents=selectors.agent_names(debate),
        branch_point=debate.branch_point or 0,
        final_answer=verdict.answer if verdict else None,
        created_at=timestamp(debate.created_at),
        archived_at=timestamp(debate.archived_at) if debate.archived_at else None,
    )
