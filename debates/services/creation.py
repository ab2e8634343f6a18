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
    branch = branch or Branch()
    debate = _debate(request, plan, owner, workspace, branch=branch, now=now)
    with act_for(workspace.pk if workspace else None), transaction.atomic():
        queued = [enter_queue(debate)] if request.autostart else []
        _store(debate, plan.documents, branch.legacy, queued, now)
    log.info(
        "debate_created",
        debate_id=str(debate.pk),
        agents=len(plan.panel),
        protocol=debate.protocol,
        decision=debate.decision,
        origin=debate.origin,
    )
    return debate


def _debate(
    request: NewDebate,
    plan: Plan,
    owner: User | None,
    workspace: Workspace | None,
    *,
    branch: Branch,
    now: datetime,
) -> Debate:
    """The row, not stored yet."""
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


def _store(
    debate: Debate,
    documents: Sequence[NewDocument],
    legacy: Legacy,
    queued: Sequence[NewEvent],
    now: datetime,
) -> None:
    """Write the debate with the first events of its log. Nobody else knows of it before that, so
    its numbers need no lock."""
    inherited = _of_this_debate(legacy.events, debate)
    rows = number_events(debate_id=debate.pk, first=1, events=[*queued, *inherited], now=now)
    debate.last_seq = len(rows)
    names = tuple(field.attname for field in Debate._meta.concrete_fields)
    insert_rows(Debate, names, [tuple(getattr(debate, name) for name in names)])
    debate._state.adding, debate._state.db = False, router.db_for_write(Debate)
    if documents:
        Document.objects.bulk_create(
            Document(
                debate=debate,
                number=number,
                title=document.title,
                text=document.text,
                source=document.source,
                created_at=now,
            )
            for number, document in enumerate(documents, start=1)
        )
    for begun in legacy.rounds:
        begun.debate = debate
    for turn in legacy.turns:
        turn.debate = debate
    Round.objects.bulk_create(legacy.rounds)
    Turn.objects.bulk_create(legacy.turns)
    insert_events(rows)
    publish_after_commit(debate_id=debate.pk, rows=rows)


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
