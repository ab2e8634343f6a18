"""What an owner may change of a debate beside its course: notes on it, who sees it, whether lists
hold it, its end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.caching import TOPICS
from debates.choices import Visibility
from debates.exceptions import StateForbids
from debates.models import Debate
from debates.models.debate import AT_REST
from debates.selectors.readers import scope_of_debate
from debates.services.control import Actor, changing, check_ownership
from debates.services.faults import Faults, check_json_object, check_text
from debates.services.planning import (
    MAX_METADATA_BYTES,
    MAX_TITLE_LENGTH,
    check_tags,
    clean_tags,
)
from debates.services.withholding import withhold_recalled
from memory.services.entries import forget_debate, rehouse_debate

log = structlog.get_logger(__name__)


def update_debate(
    *,
    debate_id: UUID,
    actor: Actor,
    title: str | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    visibility: str | None = None,
) -> Debate:
    """Change what is given; None leaves a field as it is.

    Raises `InvalidInput` with every wrong field, and then changes nothing."""
    with changing(debate_id=debate_id, actor=actor, check=check_ownership) as debate:
        faults = Faults()
        changed = []
        if title is not None:
            debate.title = title.strip()
            check_text(faults, "title", debate.title, longest=MAX_TITLE_LENGTH)
            changed.append("title")
        if tags is not None:
            debate.tags = list(clean_tags(tags))
            check_tags(faults, debate.tags)
            changed.append("tags")
        if metadata is not None:
            check_json_object(faults, "metadata", metadata, longest=MAX_METADATA_BYTES)
            debate.metadata = dict(metadata)
            changed.append("metadata")
        if visibility is not None:
            _set_visibility(faults, debate, visibility)
            changed.append("visibility")
        faults.raise_any()
        debate.save(update_fields=changed)
        if visibility is not None:
            withhold_recalled(debate)
            rehouse_debate(
                debate_id=debate_id,
                scope=scope_of_debate(debate),
                is_public=debate.visibility == Visibility.PUBLIC,
                now=timezone.now(),
            )
            TOPICS.changed()
    log.info("debate_edited", debate_id=str(debate_id), fields=changed)
    return debate


def archive_debate(*, debate_id: UUID, actor: Actor, now: datetime) -> Debate:
    """Put the debate away: out of the lists, and still there for whoever has its address. Memory
    and the ranking keep what they have of it. Nothing happens to one that was put away before."""
    with changing(debate_id=debate_id, actor=actor, check=check_ownership) as debate:
        if debate.status not in AT_REST:
            raise StateForbids(f"The debate is {debate.status}; cancel it before you archive it.")
        if debate.archived_at is None:
            _set_archived(debate, now)
    return debate


def unarchive_debate(*, debate_id: UUID, actor: Actor) -> Debate:
    """Back into the lists. Nothing happens to a debate that is in them."""
    with changing(debate_id=debate_id, actor=actor, check=check_ownership) as debate:
        if debate.archived_at is not None:
            _set_archived(debate, None)
    return debate


def _set_archived(debate: Debate, moment: datetime | None) -> None:
    debate.archived_at = moment
    debate.save(update_fields=["archived_at"])
    TOPICS.changed()
    log.info("debate_archived", debate_id=str(debate.pk), archived=moment is not None)


def delete_debate(*, debate_id: UUID, actor: Actor) -> None:
    """Remove the debate with its transcript and events, and what memory has of it. What it cost
    stays on record."""
    with changing(debate_id=debate_id, actor=actor, check=check_ownership) as debate:
        if debate.status not in AT_REST:
            raise StateForbids(f"The debate is {debate.status}; cancel it before you delete it.")
        forget_debate(debate_id=debate_id, now=timezone.now())
        with across_tenants(Purpose.CLEANING):  # What it cost belongs to nobody from now on.
            debate.delete()
        TOPICS.changed()
    log.info("debate_deleted", debate_id=str(debate_id))


def _set_visibility(faults: Faults, debate: Debate, word: str) -> None:
    if word not in Visibility.values:
        faults.add("visibility", f"Use one of {', '.join(Visibility.values)}.")
    elif debate.owner_id is None and word != Visibility.PUBLIC:
        faults.add("visibility", "A debate that nobody owns stays public.")
    else:
        debate.visibility = Visibility(word)
