"""Creating a debate: everything is checked before anything is written."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import router, transaction
from django.utils.text import slugify

from aragora_site.bulk import insert_rows
from aragora_site.tenancy.scopes import act_for
from debates.choices import DebateStatus
from debates.exceptions import SignInRequired
from debates.models import Debate, Document
from debates.services import panels
from debates.services.events import (
    NewEvent,
    insert_events,
    number_events,
    publish_after_commit,
)
from debates.services.planning import NewDebate, NewDocument, Plan, plan_debate
from debates.services.queueing import enter_queue
from monitoring import tracing
from ratelimit.models import Workspace
from ratelimit.workspaces import personal_workspace

__all__ = ["NewDebate", "NewDocument", "create_debate"]

log = structlog.get_logger(__name__)

_SLUG_WORDS = 72


def create_debate(*, request: NewDebate, owner: User | None, now: datetime) -> Debate:
    """Store the debate, queue it unless `autostart` is off, and wake the dispatcher.

    Raises `SignInRequired`, `InvalidInput` with every wrong field, or `QueueFull`; then nothing is
    written."""
    if owner is None and not settings.ARAGORA.allow_anonymous_debates:
        raise SignInRequired("Sign in, or send an API key, to start a debate.")
    plan = plan_debate(request=request, owner=owner)
    workspace = plan.workspace or (personal_workspace(owner) if owner else None)
    debate = _debate(request, plan, owner, workspace, now)
    with act_for(workspace.pk if workspace else None), transaction.atomic():
        _store(debate, plan.documents, [enter_queue(debate)] if request.autostart else [], now)
    log.info(
        "debate_created",
        debate_id=str(debate.pk),
        agents=len(plan.panel),
        protocol=debate.protocol,
        decision=debate.decision,
    )
    return debate


def _debate(
    request: NewDebate,
    plan: Plan,
    owner: User | None,
    workspace: Workspace | None,
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
    )


def _store(
    debate: Debate, documents: Sequence[NewDocument], events: Sequence[NewEvent], now: datetime
) -> None:
    """Write the debate with the first events of its log. Nobody else knows of it before that, so
    its numbers need no lock."""
    rows = number_events(debate_id=debate.pk, first=1, events=events, now=now)
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
    insert_events(rows)
    publish_after_commit(debate_id=debate.pk, rows=rows)


def _slug(question: str, debate_id: uuid.UUID) -> str:
    words = slugify(question)[:_SLUG_WORDS].strip("-_") or "debate"
    return f"{words}-{debate_id.hex[:12]}"
