"""What people do to a debate: start it, pause it, let it go on, end it.

Each is one conditional change of the row, with its events, in one transaction. The worker of the
debate, in whatever process, finds out by asking (`debates.running`); the one in this process is
told at once.

| function | from | to |
|---|---|---|
| `start_debate` | created | pending |
| `pause_debate` | pending, running | paused |
| `resume_debate` | paused | pending |
| `stop_debate` | pending once begun, running, paused | pending or running, the verdict asked for |
| `cancel_debate` | any but the terminal ones | cancelled |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction
from django.utils import timezone

from aragora_site.bulk import Add
from aragora_site.errors import AragoraError
from aragora_site.tenancy.scopes import act_for
from debates.choices import TERMINAL_STATUSES, DebateStatus, EventType, Visibility
from debates.engine.types import StopReason
from debates.exceptions import NotAllowed, NotFound, SignInRequired, StateForbids
from debates.models import Debate
from debates.services.endings import debate_end, ending_changes
from debates.services.events import NewEvent, append_events, publish_after_commit
from debates.services.queueing import enter_queue, join_queue
from debates.streaming.events import DebateCancelled, DebatePaused, Intervention
from monitoring import tracing
from ratelimit.keys import key_behind
from ratelimit.models import Role
from ratelimit.workspaces import role_in

log = structlog.get_logger(__name__)


class _Operator:
    """Whoever has the command line of this machine."""


OPERATOR: Final = _Operator()

Actor = AbstractBaseUser | AnonymousUser | _Operator | None
"""Who asks; None and `AnonymousUser` are the same."""

CANCELLED_BY_PERSON = "Somebody cancelled the debate."
PAUSED_BY_PERSON = "Somebody paused the debate."
STOP = "stop"
"""The `type` of the intervention that asks for the verdict."""

_QUEUEABLE = frozenset({DebateStatus.CREATED})
_PAUSABLE = frozenset({DebateStatus.PENDING, DebateStatus.RUNNING})
_RESUMABLE = frozenset({DebateStatus.PAUSED})
_STOPPABLE = frozenset({DebateStatus.PENDING, DebateStatus.RUNNING, DebateStatus.PAUSED})
_CANCELLABLE = frozenset(DebateStatus) - TERMINAL_STATUSES


def start_debate(*, debate_id: UUID, actor: Actor, now: datetime | None = None) -> Debate:
    """Put a debate that was only stored into the queue, and back into the lists if it was put away.
    Raises `QueueFull`."""
    now = now or timezone.now()
    with _claimed(debate_id, actor, _QUEUEABLE, "started") as debate:
        debate.queued_at = now
        changes: dict[str, Any] = {"status": DebateStatus.PENDING, "queued_at": now}
        if debate.archived_at is not None:
            changes["archived_at"] = None
        if parent := tracing.traceparent():
            changes["trace_parent"] = parent
        return _commit(debate, changes, [enter_queue(debate)], now)


def pause_debate(
    *, debate_id: UUID, actor: Actor, reason: str = PAUSED_BY_PERSON, now: datetime | None = None
) -> Debate:
    """Begin no further model calls. Those under way may finish, and are kept."""
    now = now or timezone.now()
    with _claimed(debate_id, actor, _PAUSABLE, "paused") as debate:
        paused = DebatePaused(debate_id=str(debate.pk), reason=reason)
        changes = {"status": DebateStatus.PAUSED}
        return _commit(debate, changes, [NewEvent(EventType.DEBATE_PAUSED, paused)], now)


def resume_debate(*, debate_id: UUID, actor: Actor, now: datetime | None = None) -> Debate:
    """Put a paused debate back into the queue, in its old place. `debate_resumed` follows when a
    worker goes on with it."""
    now = now or timezone.now()
    with _claimed(debate_id, actor, _RESUMABLE, "resumed") as debate:
        return _commit(debate, {"status": DebateStatus.PENDING}, [join_queue(debate)], now)


def stop_debate(*, debate_id: UUID, actor: Actor, now: datetime | None = None) -> Debate:
    """Ask for the verdict now, with what has been said. A paused debate goes on for it."""
    now = now or timezone.now()
    with _claimed(debate_id, actor, _STOPPABLE, "asked for its verdict") as debate:
        if debate.started_at is None:
            raise StateForbids("The debate has not begun, so there is no verdict; cancel it.")
        asked = Intervention(
            debate_id=str(debate.pk),
            type=STOP,
            content="Somebody asked for the verdict now.",
            apply_at_round=debate.round,
        )
        events = [NewEvent(EventType.INTERVENTION, asked, round=debate.round)]
        changes: dict[str, Any] = {"stop_requested": True}
        if debate.status == DebateStatus.PAUSED:
            changes["status"] = DebateStatus.PENDING
            events.append(join_queue(debate))
        return _commit(debate, changes, events, now)


def cancel_debate(
    *, debate_id: UUID, actor: Actor, reason: str = CANCELLED_BY_PERSON, now: datetime | None = None
) -> Debate:
    """End the debate without a verdict. Model calls under way are cut off within a second; what
    they used until then is estimated and added to the debate's costs afterwards."""
    now = now or timezone.now()
    with _claimed(debate_id, actor, _CANCELLABLE, "cancelled") as debate:
        status, stop_reason = DebateStatus.CANCELLED, StopReason.CANCELLED
        cancelled = DebateCancelled(debate_id=str(debate.pk), reason=reason)
        end = debate_end(debate, status=status, stop_reason=stop_reason, result=reason)
        events = [
            NewEvent(EventType.DEBATE_CANCELLED, cancelled),
            NewEvent(EventType.DEBATE_END, end),
        ]
        changes = ending_changes(status=status, stop_reason=stop_reason, now=now)
        return _commit(debate, {**changes, "fence": Add(1)}, events, now)


# --- Who may -----------------------------------------------------------------------------------


def may_control(*, debate: Debate, actor: Actor) -> bool:
    """Whether `actor` may do the above: the owner, staff, whoever takes part in its workspace where
    the debate is not private, and with a debate that nobody owns everybody, where people who are
    not signed in may start debates."""
    return _may(debate, actor, _STEERING_ROLES)


def may_manage(*, debate: Debate, actor: Actor) -> bool:
    """Whether `actor` may say who sees the debate, change what it is called, and remove it: the
    owner, staff, and the owners of its workspace where the debate is not private."""
    return _may(debate, actor, _MANAGING_ROLES)


def check_permission(debate: Debate, actor: Actor) -> None:
    """Raise `NotFound`, `SignInRequired` or `NotAllowed` for somebody who may not control it."""
    if not may_control(debate=debate, actor=actor):
        raise _refusal(debate, actor)


def check_ownership(debate: Debate, actor: Actor) -> None:
    """Raise `NotFound`, `SignInRequired` or `NotAllowed` for somebody who may not manage it."""
    if not may_manage(debate=debate, actor=actor):
        raise _refusal(debate, actor)


_STEERING_ROLES = frozenset({Role.OWNER, Role.MEMBER})
_MANAGING_ROLES = frozenset({Role.OWNER})


def _may(debate: Debate, actor: Actor, roles: frozenset[Role]) -> bool:
    if isinstance(actor, _Operator):
        return True
    key = key_behind(actor)
    is_confined = key is not None and key.workspace_id is not None
    if isinstance(actor, User) and actor.is_staff and not is_confined:
        return True
    if debate.owner_id is None:
        return bool(settings.ARAGORA.allow_anonymous_debates)
    if actor is None or not actor.is_authenticated:
        return False
    role = role_in(user=actor, workspace_id=debate.workspace_id)
    if role is None or role == Role.VIEWER:
        return False
    is_private = debate.visibility == Visibility.PRIVATE
    return actor.pk == debate.owner_id or (role in roles and not is_private)


def _refusal(debate: Debate, actor: Actor) -> AragoraError:
    """A debate that somebody may not see is not there; one that they only may not change, is."""
    is_seen = debate.visibility == Visibility.PUBLIC
    if not is_seen and not isinstance(actor, _Operator):
        role = role_in(user=actor, workspace_id=debate.workspace_id)
        owns = actor is not None and actor.pk == debate.owner_id
        is_seen = role is not None and (owns or debate.visibility == Visibility.WORKSPACE)
    if not is_seen:
        return _not_found()
    if actor is None or isinstance(actor, AnonymousUser):
        return SignInRequired("Sign in as the owner of the debate to do this.")
    return NotAllowed("Only the owner of the debate may do this.")


def _not_found() -> NotFound:
    return NotFound("There is no such debate, or it is not yours to see.")


# --- Transitions -------------------------------------------------------------------------------


@contextmanager
def changing(
    *, debate_id: UUID, actor: Actor, check: Callable[[Debate, Actor], None] = check_permission
) -> Iterator[Debate]:
    """The debate under its lock, for an actor who may change it, in a transaction that acts for its
    tenant. Raises what `check` does."""
    seen = Debate.objects.filter(pk=debate_id).first()
    if seen is None:
        raise _not_found()
    check(seen, actor)
    with act_for(seen.workspace_id), transaction.atomic():
        debate = Debate.objects.select_for_update().filter(pk=debate_id).first()
        if debate is None:
            raise _not_found()
        check(debate, actor)
        yield debate


@contextmanager
def _claimed(
    debate_id: UUID, actor: Actor, statuses: frozenset[DebateStatus], done: str
) -> Iterator[Debate]:
    """The same, if the debate's state allows."""
    with changing(debate_id=debate_id, actor=actor) as debate:
        if debate.status not in statuses:
            allowed = ", ".join(status for status in DebateStatus if status in statuses)
            raise StateForbids(
                f"The debate is {debate.status}; it can be {done} only while it is {allowed}."
            )
        yield debate


def _commit(
    debate: Debate, changes: Mapping[str, Any], events: Sequence[NewEvent], now: datetime
) -> Debate:
    rows = append_events(debate_id=debate.pk, events=events, now=now, changes=changes)
    publish_after_commit(debate_id=debate.pk, rows=rows)
    transaction.on_commit(_wake, robust=True)
    was = debate.status
    debate.refresh_from_db()
    log.info("debate_controlled", debate_id=str(debate.pk), was=was, status=debate.status)
    return debate


def _wake() -> None:
    from debates.running.wake import wake

    wake()
