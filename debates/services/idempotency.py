"""A request under an Idempotency-Key is carried out once, however often it is sent."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from aragora_site.tenancy.scopes import Purpose, across_tenants, act_for
from debates.exceptions import KeyReused
from debates.models import IdempotencyRecord
from ratelimit.workspaces import personal_workspace

LIFETIME = timedelta(hours=24)
SWEEP = 100
"""How many expired records one request clears away."""

_UNANSWERED = 0
"""The status of a record whose request is being carried out; no other transaction sees it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered: HTTP status and body."""

    status: int
    body: str
    replayed: bool = False


def carry_out_once(
    *,
    key: str,
    principal: str,
    caller: User | None,
    operation: str,
    payload: bytes,
    now: datetime,
    carry_out: Callable[[], Answer],
) -> Answer:
    """The answer of `carry_out`, or the one it gave the first time within 24 hours.

    The claim, the work and the stored answer are one transaction: a duplicate that comes at the
    same time waits for it, and after a crash or an exception there is neither work nor claim.
    Raises `KeyReused` when the key was used for another payload."""
    digest = hashlib.sha256(payload).hexdigest()
    workspace_id = personal_workspace(caller).pk if caller else None
    same = {"key": key, "principal": principal, "operation": operation}
    with transaction.atomic():
        with act_for(workspace_id):
            record, fresh = _claim(same, workspace_id, digest, now)
        if not fresh:
            if record.request_hash != digest:
                raise KeyReused(
                    "This Idempotency-Key was used for another request body. Use a new key."
                )
            return Answer(record.status, record.body, replayed=True)
        answer = carry_out()
        with act_for(workspace_id):
            IdempotencyRecord.objects.filter(pk=record.pk).update(
                status=answer.status, body=answer.body
            )
        transaction.on_commit(partial(_sweep, now), robust=True)
    return answer


def _claim(
    wanted: dict[str, str], workspace_id: UUID | None, digest: str, now: datetime
) -> tuple[IdempotencyRecord, bool]:
    """The record of this request, and whether it was made just now."""
    same = IdempotencyRecord.objects.filter(**wanted)
    while True:
        try:
            with transaction.atomic():
                return (
                    IdempotencyRecord.objects.create(
                        **wanted,
                        workspace_id=workspace_id,
                        request_hash=digest,
                        status=_UNANSWERED,
                        expires_at=now + LIFETIME,
                    ),
                    True,
                )
        except IntegrityError:
            record = same.first()
            if record is not None and record.expires_at > now:
                return record, False
            # Expired, or gone since: whoever inserts next has it.
            same.filter(expires_at__lte=now).delete()


@across_tenants(Purpose.CLEANING)
def _sweep(now: datetime) -> None:
    expired = IdempotencyRecord.objects.filter(expires_at__lte=now).values_list("pk", flat=True)
    IdempotencyRecord.objects.filter(pk__in=list(expired[:SWEEP])).delete()
