"""Debates that are started together: all of them, or none.

A batch is no row of its own: its debates share the key `Debate.batch`. So it is as private as they
are, says nothing that could differ from them, and is gone with the last of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from aragora_site.tenancy.scopes import act_for
from debates.exceptions import InvalidInput, NotFound, StateForbids
from debates.models import Debate
from debates.running.order import share_of
from debates.services.control import CANCELLED_BY_PERSON, Actor, cancel_debate, check_permission
from debates.services.creation import Branch, Unstored, check_may_create, store, unstored
from debates.services.faults import Faults
from debates.services.planning import Background, NewDebate, Plan, plan_debate, read_word
from debates.services.queueing import enter_queue_together

log = structlog.get_logger(__name__)

MAX_DEBATES = 100
"""In one batch."""
NO_CALLS_OUT = (
    "This server calls no address: ask for the status_url, or follow the debates' streams. Leave "
    "the field out."
)


class Priority(StrEnum):
    """Which debates of a batch are served before its others; the first word is the first served.
    Debates of anybody else are not overtaken by it."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class NewItem:
    """One debate of a batch. Nothing in it has been checked."""

    request: NewDebate
    priority: str | None = None
    """None for that of the batch."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What somebody asks for. Nothing in it has been checked."""

    items: Sequence[NewItem | InvalidInput]
    """The error of one that could not even be read."""
    priority: str = Priority.NORMAL.value
    webhook_url: Any = None


class FaultyBatch(InvalidInput):
    """`fields` are those of the batch itself that are wrong, `of_items` has what is wrong with its
    items, by their index."""

    def __init__(
        self, *, fields: tuple[tuple[str, str], ...], of_items: Mapping[int, InvalidInput]
    ) -> None:
        super().__init__("Correct the batch and try again.", fields=fields)
        self.of_items = of_items


@dataclass(frozen=True, slots=True)
class StoredDebate:
    """A debate of a batch that was stored."""

    debate: Debate
    queue_position: int | None
    """None for one that is only stored."""


def create_batch(*, batch: NewBatch, owner: User | None, now: datetime) -> list[StoredDebate]:
    """Store all debates of the batch in one transaction, and queue them.

    Raises `SignInRequired`, `FaultyBatch` with everything that is wrong, or `QueueFull`; then
    nothing is written."""
    check_may_create(owner)
    background = Background(owner)
    plans = _planned(batch, background)
    key = uuid4()
    new = []
    for index, (item, plan) in enumerate(plans):
        workspace = plan.workspace or background.own_workspace
        moment = now + timedelta(microseconds=index)
        one = unstored(item.request, plan, owner, workspace, branch=Branch(), now=moment)
        one.debate.batch, one.debate.batch_index = key, index
        new.append(one)
    default = Priority(batch.priority)
    urgency = [Priority(item.priority or default) for item, _ in plans]
    queued = _in_order_of_service(new, urgency, now)
    with act_for(*{one.debate.workspace_id for one in new}), transaction.atomic():
        events = enter_queue_together([one.debate for one in queued])
        for one, event in zip(queued, events, strict=True):
            one.queued = [event]
        store(new, now)
    log.info("batch_created", batch_id=str(key), debates=len(new), queued=len(queued))
    places = {
        one.debate.pk: event.data["queue_position"]
        for one, event in zip(queued, events, strict=True)
    }
    return [StoredDebate(one.debate, places.get(one.debate.pk)) for one in new]


def cancel_batch(
    *, debates: Sequence[Debate], actor: Actor, reason: str = CANCELLED_BY_PERSON
) -> int:
    """End those debates of a batch that are not over, each in a transaction of its own: how many.

    Nothing is ended if one of them is not the actor's to steer. What ends by itself meanwhile
    stays as it is."""
    under_way = [debate for debate in debates if not debate.is_over]
    for debate in under_way:
        check_permission(debate, actor)
    cancelled = 0
    for debate in under_way:
        try:
            cancel_debate(debate_id=debate.pk, actor=actor, reason=reason)
        except (StateForbids, NotFound):
            continue
        cancelled += 1
    return cancelled


# --- Checking ----------------------------------------------------------------------------------


def _planned(batch: NewBatch, background: Background) -> list[tuple[NewItem, Plan]]:
    """Every item with its plan. Raises `FaultyBatch`."""
    faults = Faults()
    _check_number(faults, len(batch.items))
    read_word(faults, "priority", Priority, batch.priority)
    if batch.webhook_url is not None:
        faults.add("webhook_url", NO_CALLS_OUT)
    plans: list[tuple[NewItem, Plan]] = []
    of_items: dict[int, InvalidInput] = {}
    for index, item in enumerate(batch.items[:MAX_DEBATES]):
        try:
            plans.append(_planned_item(item, background))
        except InvalidInput as error:
            of_items[index] = error
    if faults or of_items:
        raise FaultyBatch(fields=faults.found, of_items=of_items)
    return plans


def _check_number(faults: Faults, count: int) -> None:
    most = min(MAX_DEBATES, share_of(settings.ARAGORA.max_queued_debates))
    if not 1 <= count <= most:
        faults.add("items", f"Give 1 to {most} debates.")


def _planned_item(item: NewItem | InvalidInput, background: Background) -> tuple[NewItem, Plan]:
    if isinstance(item, InvalidInput):
        raise item
    faults = Faults()
    if item.priority is not None:
        read_word(faults, "priority", Priority, item.priority)
    try:
        plan = plan_debate(request=item.request, owner=background.owner, background=background)
    except InvalidInput as error:
        faults.extend(error, field="")
        faults.raise_any()
        raise
    faults.raise_any()
    return item, plan


# --- Order -------------------------------------------------------------------------------------


def _in_order_of_service(
    new: Sequence[Unstored], urgency: Sequence[Priority], now: datetime
) -> list[Unstored]:
    """Those that are to be queued, and how long each has waited said so that the queue, which
    serves who waited longer first, keeps to their order: a microsecond apart."""
    words = list(Priority)
    waiting = [
        (words.index(urgent), index)
        for index, (one, urgent) in enumerate(zip(new, urgency, strict=True))
        if one.debate.queued_at is not None
    ]
    in_order = [new[index] for _, index in sorted(waiting)]
    for turn, one in enumerate(in_order):
        one.debate.queued_at = now + timedelta(microseconds=turn)
    return in_order
