"""What turned out to be true, as a person records it on a debate that is over."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from django.contrib.auth.models import User

from aragora_site.tenancy.scopes import act_for
from debates.caching import CALIBRATION
from debates.choices import Visibility
from debates.exceptions import InvalidInput, StateForbids
from debates.models import Debate, Outcome
from debates.selectors.readers import scope_of_debate
from debates.services.control import Actor, changing
from debates.services.faults import Faults, check_text
from memory import tiers
from memory.models import Kind
from memory.scopes import Reader
from memory.services.entries import NewEntry, forget, store_many, surprise_debate
from memory.tiers import Tier

log = structlog.get_logger(__name__)

LONGEST_NOTE = 2000


def record_outcome(
    *, debate_id: UUID, actor: Actor, came_true: bool, note: str = "", now: datetime
) -> Outcome:
    """Say whether the decision of a debate proved right; to say it again replaces it.

    Memory learns it: what happened is remembered, and a decision that it contradicts matters more.
    Raises `NotFound`, `NotAllowed`, `InvalidInput`, or `StateForbids` without a decision. Embeds,
    so it must not be called on an event loop."""
    faults = Faults()
    check_text(faults, "note", note.strip(), longest=LONGEST_NOTE)
    faults.raise_any()
    with changing(debate_id=debate_id, actor=actor) as debate:
        verdict = getattr(debate, "verdict", None)
        if verdict is None or not verdict.reached:
            raise StateForbids("This debate has come to no decision that could prove right or not.")
        surprise = tiers.surprise(confidence=verdict.confidence, came_true=came_true)
        outcome, _ = Outcome.objects.update_or_create(
            debate=debate,
            defaults={
                "came_true": came_true,
                "note": note.strip(),
                "confidence": verdict.confidence,
                "surprise": surprise,
                "recorded_by": actor if isinstance(actor, User) else None,
                "recorded_at": now,
            },
        )
    CALIBRATION.changed()
    with act_for(debate.workspace_id):
        surprise_debate(debate_id=debate_id, surprise=surprise, now=now)
        _remember(debate, outcome, verdict.answer or "", now)
    log.info("outcome_recorded", debate_id=str(debate_id), came_true=came_true)
    return outcome


def _remember(debate: Debate, outcome: Outcome, answer: str, now: datetime) -> None:
    proved = "right" if outcome.came_true else "wrong"
    told = f"Question: {debate.question[:500]}\nDecision: {answer[:1000]}\nIt proved {proved}."
    source = f"debate:{debate.pk.hex}:outcome"
    _forget_former(debate, source, now)
    entry = NewEntry(
        content=f"{told} {outcome.note}".strip(),
        kind=Kind.OUTCOME,
        tier=Tier.GLACIAL,
        importance=1.0,
        surprise=outcome.surprise,
        confidence=outcome.confidence,
        reason="a person recorded what turned out to be true",
        is_public=debate.visibility == Visibility.PUBLIC,
        author_id=outcome.recorded_by_id,
        debate_id=debate.pk,
        debate_slug=debate.slug,
        source=source,
    )
    store_many(scope=scope_of_debate(debate), entries=[entry], now=now)


def _forget_former(debate: Debate, source: str, now: datetime) -> None:
    from memory.models import Entry

    former = Entry.objects.filter(source=source).values_list("pk", flat=True)
    if former:
        reader = Reader.for_debate(
            workspace_id=debate.workspace_id, owner_id=debate.owner_id, public=False
        )
        forget(entry_ids=list(former), reader=reader, now=now)


def came_true(word: str) -> bool:
    """ "right" or "wrong" of a form. Raises `InvalidInput`."""
    words = {"right": True, "wrong": False}
    if word not in words:
        message = "Say whether the decision proved right or wrong."
        raise InvalidInput(message, fields=(("came_true", message),))
    return words[word]
