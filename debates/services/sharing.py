"""Sharing a debate by a link: whoever has it may read the debate, and nothing else."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from django.contrib.auth.models import User

from debates.models import ShareLink
from debates.services.control import Actor, changing, check_ownership
from debates.services.withholding import withhold_recalled

log = structlog.get_logger(__name__)


def share_debate(*, debate_id: UUID, actor: Actor, now: datetime) -> ShareLink:
    """The debate's link; the one that there is, or a new one."""
    with changing(debate_id=debate_id, actor=actor, check=check_ownership) as debate:
        link, made = ShareLink.objects.get_or_create(
            debate_id=debate_id,
            defaults={"created_by": actor if isinstance(actor, User) else None, "created_at": now},
        )
        if made:
            withhold_recalled(debate)
    if made:
        log.info("debate_shared", debate_id=str(debate_id))
    return link


def revoke_share(*, debate_id: UUID, actor: Actor) -> bool:
    """End the debate's link for good, and the streams that were opened by it; whether there was
    one."""
    with changing(debate_id=debate_id, actor=actor, check=check_ownership):
        ended, _ = ShareLink.objects.filter(debate_id=debate_id).delete()
    if ended:
        log.info("debate_share_revoked", debate_id=str(debate_id))
    return bool(ended)
