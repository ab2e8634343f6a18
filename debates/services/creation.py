"""Creating a debate: everything is checked before anything is written."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import router, transaction
from django.utils.text import slugify

from aragora_site.bulk import insert_rows
from aragora_site.tenancy.scopes import act_for
from debates.choices import DebateStatus, EventType, Origin
from debates.exceptions import SignInRequired
from debates.models import Debate, Document, Round, Turn
from debates.services import panels
from debates.services.events import (
    NewEvent,
    insert_events,
    number_events,
    publish_after_commit,
)
from debates.services.planning import NewDebate, NewDocument, Plan, plan_debate
from debates.services.queueing import enter_queue
from debates.services.withholding import readable_recall
from monitoring import tracing
from ratelimit.models import Workspace
from ratelimit.workspaces import personal_workspace

__all__ = ["Branch", "Legacy", "NewDebate", "NewDocument", "create_debate", "create_planned"]

log = structlog.get_logger(__name__)

_SLUG_WORDS = 72


@dataclass(frozen=True, slots=True)
class Legacy:
    """What a fork has of its parent: it stands where the parent stood after a round."""

    turns: Sequence[Turn]
    """Not stored yet, and of no debate; numbered from 0."""
    rounds: Sequence[Round]
    """The same."""
    events: Sequence[NewEvent]
    """What the log says of them."""
    place: Mapping[str, Any]
    """The debate's `round` and `phase`."""


@dataclass(frozen=True, slots=True)
class Branch:
    """What a new debate is to the one that it is made from."""

    parent_id: uuid.UUID | None = None
    origin: Origin = Origin.NONE
    branch_point: int | None = None
    legacy: Legacy = field(default_factory=lambda: Legacy((), (), (), {}))


def create_debate(
    *, request: NewDebate, owner: User | None, now: datetime, branch: Branch | None = None
) -> Debate:
    """Store the debate, queue it unless `autostart` is off, and wake the dispatcher.

    Raises `SignInRequired`, `InvalidInput` with every wrong field, or `QueueFull`; then nothing is
    written."""
    check_may_create(owner)
    plan = plan_debate(request=request, owner=owner)
    return create_planned(request=request, plan=plan, owner=owner, now=now, branch=branch)


def check_may_create(owner: User | None) -> None:
    """Raise `SignInRequired` where people who are not signed in may start no debates."""
    if owner is None and not settings.ARAGORA.allow_anonymous_debates:
        raise SignInRequired("Sign in, or send an API key, to start a debate.")


def create_planned(
    *,
    request: NewDebate,
    plan: Plan,
    owner: User | None,
    now: datetime,
    branch: Branch | None = None,
) -> Debate:
    """The same for a request that was found to be right, which `plan` is the plan of."""
    workspace = plan.workspace or (personal_workspace(owner) if owner else None)
    new = unstored(request, plan, owner, workspace, branch=branch or Branch(), now=now)
    debate = new.debate
    with act_for(debate.workspace_id), transaction.atomic():
        new.queued = [enter_queue(debate)] if request.autostart else []
        store([new], now)
    log.info(
        "debate_created",
        debate_id=str(debate.pk),
        agents=len(plan.panel),
        protocol=debate.protocol,
        decision=debate.decision,
        origin=debate.origin,
    )
    return debate


# --- The parts of it, for those who start several debates at once -------------------------------


@dataclass(slots=True)
class Unstored:
    """A debate that nobody else knows of yet."""

    debate: Debate
    documents: Sequence[NewDocument]
    legacy: Legacy
    queued: Sequence[NewEvent] = ()
    """With which its log begins."""

    def log(self) -> list[NewEvent]:
        return [*self.queued, *_of_this_debate(self.legacy.events, self.debate)]


def unstored(
    request: NewDebate,
    plan: Plan,
    owner: User | None,
    workspace: Workspace | None,
    *,
    branch: Branch,
    now: datetime,
) -> Unstored:
    """A debate that was planned."""
    debate = _debate(request, plan, owner, workspace, branch=branch, now=now)
    return Unstored(debate, plan.documents, branch.legacy)


def _debate(
    request: NewDebate,
    plan: Plan,
    owner: User | None,
    workspace: Workspace | None,
    *,
    branch: Branch,
    now: datetime,
) -> Debate:
    debate_id = uuid.uuid4()
    return Debate(
        id=debate_id,
        slug=_slug(request.question, debate_id),
        question=plan.setup.question,
        context=plan.setup.context,
        title=request.title.strip(),
        tags=list(plan.tags),
        domain=plan.domain,
        metadata=dict(request.metadata),
        owner=owner,
        workspace=workspace,
        visibility=plan.visibility,
        parent_id=branch.parent_id,
        origin=branch.origin,
        branch_point=branch.branch_point,
        panel=[panels.spec_to_json(spec) for spec in plan.panel],
        judge=panels.spec_to_json(plan.judge) if plan.judge else None,
        protocol=plan.setup.protocol.value,
        decision=plan.setup.decision.value,
        rounds=plan.setup.rounds,
        seed=plan.setup.seed,
        budget_usd=plan.budget_usd,
        budget_tokens=request.budget_tokens,
        deadline_seconds=request.deadline_seconds,
        use_memory=request.use_memory,
        status=DebateStatus.PENDING if request.autostart else DebateStatus.CREATED,
        created_at=now,
        queued_at=now if request.autostart else None,
        trace_parent=tracing.traceparent(),
        **branch.legacy.place,
    )


def store(new: Sequence[Unstored], now: datetime) -> None:
    """Write the debates with the first events of their logs. Nobody else knows of them before that,
    so their numbers need no lock."""
    logs = [
        number_events(debate_id=one.debate.pk, first=1, events=one.log(), now=now) for one in new
    ]
    for one, rows in zip(new, logs, strict=True):
        one.debate.last_seq = len(rows)
    names = tuple(field.attname for field in Debate._meta.concrete_fields)
    insert_rows(Debate, names, [tuple(getattr(one.debate, name) for name in names) for one in new])
    for one in new:
        one.debate._state.adding, one.debate._state.db = False, router.db_for_write(Debate)
    if documents := [document for one in new for document in _documents(one, now)]:
        Document.objects.bulk_create(documents)
    for one in new:
        _store_legacy(one)
    insert_events([row for rows in logs for row in rows])
    for one, rows in zip(new, logs, strict=True):
        publish_after_commit(debate_id=one.debate.pk, rows=rows)


def _documents(new: Unstored, now: datetime) -> list[Document]:
    return [
        Document(
            debate=new.debate,
            number=number,
            title=document.title,
            text=document.text,
            source=document.source,
            created_at=now,
        )
        for number, document in enumerate(new.documents, start=1)
    ]


def _store_legacy(new: Unstored) -> None:
    for begun in new.legacy.rounds:
        begun.debate = new.debate
    for turn in new.legacy.turns:
        turn.debate = new.debate
    Round.objects.bulk_create(new.legacy.rounds)
    Turn.objects.bulk_create(new.legacy.turns)


def _of_this_debate(events: Sequence[NewEvent], debate: Debate) -> list[NewEvent]:
    """Events that were told of another debate, told of this one: of what was recalled then, as much
    as whoever may read this one may read."""
    debate_id = str(debate.pk)
    told = [replace(event, data={**event.data, "debate_id": debate_id}) for event in events]
    return [
        replace(event, data=readable_recall(debate, event.data))
        if event.type == EventType.MEMORY_RECALL
        else event
        for event in told
    ]


def _slug(question: str, debate_id: uuid.UUID) -> str:
    words = slugify(question)[:_SLUG_WORDS].strip("-_") or "debate"
    return f"{words}-{debate_id.hex[:12]}"
