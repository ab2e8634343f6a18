"""What a debate leaves behind: its decision, the dissent, and the arguments that changed a mind.

Written once, when the debate is over, on a thread. Importance comes from what was measured: how
many stood behind the decision, and by how much it led.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.db import transaction

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus, Visibility
from debates.engine import codec
from debates.engine.types import Phase, Revision, Verdict
from debates.models import Debate, QuestionVector, Turn
from debates.selectors.readers import scope_of_debate
from memory import tiers
from memory.models import Kind
from memory.services.entries import NewEntry, store_many
from memory.tiers import Tier

if TYPE_CHECKING:
    from memory.embeddings.service import Embedded

log = structlog.get_logger(__name__)

MOST_DISSENT, MOST_ARGUMENTS = 3, 3
FIRM = 0.75
"""A decision of this importance goes to the glacial tier at once."""
ARGUMENT_IMPORTANCE = 0.6
QUESTION_LENGTH, ANSWER_LENGTH, REASON_LENGTH = 500, 1200, 700
MISSED_SINCE = timedelta(days=1)


@across_tenants(Purpose.QUEUE)
def remember_debate(*, debate_id: UUID, now: datetime) -> int:
    """Write down what a completed debate leaves; how many entries that were. Done before, or the
    debate gone or not completed: 0. Blocking, and not for an event loop."""
    debate = (
        Debate.objects.filter(
            pk=debate_id, status=DebateStatus.COMPLETED, question_vector__isnull=True
        )
        .select_related("verdict", "workspace")
        .first()
    )
    if debate is None:
        return 0
    try:
        entries = list(_entries(debate, codec.decode_verdict(debate.verdict.detail)))
    except codec.CodecError:  # Of another version: its question is found all the same.
        log.warning("verdict_not_read", debate_id=str(debate_id))
        entries = []
    # Into the cache: nothing is to be embedded while the locks are held.
    question, _ = _embedded([debate.question]), _embedded([entry.content for entry in entries])
    with transaction.atomic():
        # Whoever deletes the debate has its row too, and forgets afterwards what it left.
        held = Debate.objects.select_for_update(of=("self",)).select_related("workspace")
        debate = held.filter(pk=debate.pk).first()
        if debate is None:
            return 0
        # Who may read it may have changed meanwhile.
        is_public = debate.visibility == Visibility.PUBLIC
        entries = [replace(entry, is_public=is_public) for entry in entries]
        stored = (
            store_many(scope=scope_of_debate(debate), entries=entries, now=now) if entries else []
        )
        QuestionVector.objects.get_or_create(
            debate=debate,
            defaults={"embedder": question.embedder, "vector": question.vectors[0].tobytes()},
        )
    log.info("debate_remembered", debate_id=str(debate_id), entries=len(stored))
    return len(stored)


@across_tenants(Purpose.QUEUE)
def remember_missed(*, now: datetime) -> int:
    """Remember the debates of the last day whose worker died before it could; how many they
    were."""
    missed = Debate.objects.filter(
        status=DebateStatus.COMPLETED,
        question_vector__isnull=True,
        completed_at__gte=now - MISSED_SINCE,
    )
    ids = list(missed.order_by("completed_at").values_list("pk", flat=True)[:100])
    for debate_id in ids:
        remember_debate(debate_id=debate_id, now=now)
    return len(ids)


@across_tenants(Purpose.OPERATOR)
def index_questions(*, everything: bool = False) -> int:
    """Embed the questions of debates that are over and lack a vector of the present embedder; how
    many those were. Blocking."""
    from memory.embeddings.service import get_service

    service, count, last = get_service(), 0, None
    while True:
        over = Debate.objects.filter(status=DebateStatus.COMPLETED).order_by("pk")
        if not everything:
            over = over.exclude(question_vector__embedder=service.name)
        if last is not None:
            over = over.filter(pk__gt=last)
        debates = list(over.only("pk", "question")[:256])
        if not debates:
            return count
        last = debates[-1].pk
        made = service.embed([debate.question for debate in debates])
        for debate, vector in zip(debates, made.vectors, strict=True):
            # Deleted and made anew: the key tells searchers that something has changed.
            with transaction.atomic():
                QuestionVector.objects.filter(debate=debate).delete()
                QuestionVector.objects.create(
                    debate=debate, embedder=made.embedder, vector=vector.tobytes()
                )
        count += len(debates)


def _embedded(texts: list[str]) -> Embedded:
    from memory.embeddings.service import get_service

    return get_service().embed(texts)


# --- What is written ---------------------------------------------------------------------------


def _entries(debate: Debate, verdict: Verdict) -> Iterator[NewEntry]:
    common: dict[str, Any] = {
        "debate_id": debate.pk,
        "debate_slug": debate.slug,
    }
    question = f"Question: {_short(debate.question, QUESTION_LENGTH)}"
    yield _decision(debate, verdict, question, common)
    importance = tiers.importance_of_dissent(agreement=verdict.agreement)
    for number, view in enumerate(verdict.dissenting[:MOST_DISSENT]):
        yield NewEntry(
            content=(
                f"{question}\nDissent: {_short(view.answer, ANSWER_LENGTH)}\n"
                f"Because: {_short(view.rationale, REASON_LENGTH)}"
            ),
            kind=Kind.DISSENT,
            tier=Tier.SLOW,
            importance=importance,
            reason="a view that did not prevail",
            source=f"debate:{debate.pk.hex}:dissent:{number}",
            **common,
        )
    yield from _arguments(debate, verdict, question, common)


def _decision(debate: Debate, verdict: Verdict, question: str, common: dict[str, Any]) -> NewEntry:
    margin = tiers.margin_of(list(verdict.tally.values()))
    importance = tiers.importance_of_decision(
        agreement=verdict.agreement, margin=margin, reached=verdict.reached, hollow=verdict.hollow
    )
    if verdict.reached:
        said = f"Decision: {_short(verdict.answer or '', ANSWER_LENGTH)}"
        reason = next((c.rationale for c in verdict.candidates if c.answer == verdict.answer), "")
        said += f"\nBecause: {_short(reason, REASON_LENGTH)}" if reason else ""
    else:
        said = f"No decision was reached. {_short(verdict.explanation, REASON_LENGTH)}"
    return NewEntry(
        content=f"{question}\n{said}",
        kind=Kind.DECISION,
        tier=Tier.GLACIAL if importance >= FIRM else Tier.SLOW,
        importance=importance,
        reason=f"a debate came to it: agreement {verdict.agreement:.2f}, margin {margin:.2f}",
        confidence=verdict.confidence if verdict.reached else None,
        source=f"debate:{debate.pk.hex}:decision",
        **common,
    )


def _arguments(
    debate: Debate, verdict: Verdict, question: str, common: dict[str, Any]
) -> Iterator[NewEntry]:
    """The faults that agents found in their own reasoning when they changed their answers with a
    reason: what proved decisive, as far as that can be seen."""
    moved = {(flip.agent, flip.round) for flip in verdict.flips if flip.reasoned}
    if not moved:
        return
    rows = Turn.objects.filter(
        debate=debate, phase__in=[Phase.EXCHANGE, Phase.REVISE], reply__isnull=False
    ).order_by("-index")
    found = 0
    for row in rows:
        if (row.agent, row.round) not in moved or found == MOST_ARGUMENTS or row.reply is None:
            continue
        reply = codec.decode_reply(row.reply)
        if not isinstance(reply, Revision) or not reply.faulty_step.strip():
            continue
        found += 1
        yield NewEntry(
            content=(
                f"{question}\nAn argument that changed a mind: "
                f"{_short(reply.faulty_step, REASON_LENGTH)}\n"
                f"It led to: {_short(reply.position.answer, ANSWER_LENGTH)}"
            ),
            kind=Kind.ARGUMENT,
            tier=Tier.SLOW,
            importance=ARGUMENT_IMPORTANCE,
            reason="it changed an agent's answer",
            turn=row.index,
            source=f"debate:{debate.pk.hex}:argument:{row.index}",
            **common,
        )


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
