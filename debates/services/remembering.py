"""What a debate leaves behind: its decision, the dissent, and the arguments that changed a mind.

Written once, when the debate is over, on a thread. Importance comes from what was measured: how
many stood behind the decision, and by how much it led. A fork leaves nothing: what was said in it
first is remembered of its parent, and what may only have been supposed is no memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from aragora_site.bulk import insert_rows
from aragora_site.kept import kept
from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus, Visibility
from debates.engine import codec
from debates.engine.types import Phase, Revision, Verdict
from debates.models import Debate, QuestionVector, Turn
from debates.selectors.finding import independent
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
MOST_MISSED = 100
MOST_TRIES = 3
_TELL_ITS_HOME = ("visibility", "owner", "workspace__personal_to")


@across_tenants(Purpose.QUEUE)
def remember_debates(*, debate_ids: Collection[UUID], now: datetime) -> int:
    """Write down what completed debates leave; how many debates that were. Those done before, gone
    or not completed are passed over, and one that cannot be remembered does not keep the others
    from it. Blocking, and not for an event loop."""
    try:
        return _remember(debate_ids, now)
    except Exception as error:
        if len(debate_ids) > 1:
            return sum(remember_debates(debate_ids=[one], now=now) for one in debate_ids)
        _failures.update(debate_ids)
        names = [str(debate_id) for debate_id in debate_ids]
        log.warning("debate_not_remembered", debate_ids=names, error=type(error).__name__)
        return 0


@across_tenants(Purpose.QUEUE)
def remember_missed(*, now: datetime) -> int:
    """Remember debates of the last day whose worker died before it could; how many they were. One
    that cannot be remembered is tried `MOST_TRIES` times by each process."""
    given_up = [debate_id for debate_id, tries in _failures.items() if tries >= MOST_TRIES]
    missed = independent(Debate.objects.all()).filter(
        status=DebateStatus.COMPLETED,
        question_vector__isnull=True,
        completed_at__gte=now - MISSED_SINCE,
    )
    # Some may fail each time: in a fixed order they would keep the others waiting for good.
    missed = missed.exclude(pk__in=given_up)
    ids = list(missed.order_by("?").values_list("pk", flat=True)[:MOST_MISSED])
    return remember_debates(debate_ids=ids, now=now) if ids else 0


_failures: Counter[UUID] = Counter()
"""How often each of the debates that could not be remembered was tried here."""


@dataclass(frozen=True, slots=True)
class _Left:
    """What one debate leaves."""

    debate: Debate
    entries: list[NewEntry]


def _remember(debate_ids: Collection[UUID], now: datetime) -> int:
    debates: list[Debate] = _completed.objects(tuple(debate_ids))
    if not debates:
        return 0
    left = _what_they_leave(debates)
    # Into the cache, and all in one go: nothing is to be embedded while the locks are held.
    texts = [debate.question for debate in debates]
    vectors = _embedded([*texts, *(entry.content for one in left for entry in one.entries)])
    questions = {
        debate.pk: (debate.pk, vectors.embedder, vector.tobytes())
        for debate, vector in zip(debates, vectors.vectors, strict=False)
    }
    homes: dict[str, list[_Left]] = defaultdict(list)
    for one in left:
        homes[scope_of_debate(one.debate).key].append(one)
    return sum(_store(home, questions, now) for home in homes.values())


@kept
def _completed(ids: tuple[UUID, ...]) -> QuerySet[Debate]:
    """Those of these debates that have not been remembered yet."""
    found = independent(Debate.objects.all()).filter(
        pk__in=ids, status=DebateStatus.COMPLETED, question_vector__isnull=True
    )
    told = ("slug", "question", "verdict__detail", *_TELL_ITS_HOME)
    return found.select_related("verdict", "workspace").only(*told).order_by("pk")


def _store(left: Sequence[_Left], questions: Mapping[UUID, tuple[Any, ...]], now: datetime) -> int:
    """Store what debates of the same home leave, in one transaction. One that has another home by
    now waits for `remember_missed`."""
    home = scope_of_debate(left[0].debate)
    with transaction.atomic():
        rows: list[Debate] = _held.objects(tuple(one.debate.pk for one in left))
        # Who may read it may have changed meanwhile.
        found = {row.pk: row for row in rows if scope_of_debate(row) == home}
        entries = [
            replace(entry, is_public=found[one.debate.pk].visibility == Visibility.PUBLIC)
            for one in left
            if one.debate.pk in found
            for entry in one.entries
        ]
        stored = len(store_many(scope=home, entries=entries, now=now)) if entries else 0
        insert_rows(
            QuestionVector, ("debate_id", "embedder", "vector"), [questions[key] for key in found]
        )
    log.info("debates_remembered", debates=len(found), entries=stored)
    return len(found)


@kept
def _held(ids: tuple[UUID, ...]) -> QuerySet[Debate]:
    """The same, locked: whoever deletes a debate has its row too, and forgets afterwards what it
    left."""
    rows = Debate.objects.select_for_update(of=("self",)).select_related("workspace")
    return (
        rows.filter(pk__in=ids, question_vector__isnull=True).only(*_TELL_ITS_HOME).order_by("pk")
    )


@across_tenants(Purpose.OPERATOR)
def index_questions(*, everything: bool = False) -> int:
    """Embed the questions of debates that are over and lack a vector of the present embedder; how
    many those were. Blocking."""
    from memory.embeddings.service import get_service

    service, count, last = get_service(), 0, None
    while True:
        over = independent(Debate.objects.filter(status=DebateStatus.COMPLETED)).order_by("pk")
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


def _what_they_leave(debates: Sequence[Debate]) -> list[_Left]:
    verdicts = {debate.pk: verdict for debate in debates if (verdict := _verdict_of(debate))}
    changes = _reasoned_changes(verdicts)
    return [
        _Left(
            debate,
            list(_entries(debate, verdicts[debate.pk], changes[debate.pk]))
            if debate.pk in verdicts
            else [],
        )
        for debate in debates
    ]


def _verdict_of(debate: Debate) -> Verdict | None:
    try:
        return codec.decode_verdict(debate.verdict.detail)
    except codec.CodecError:  # Of another version: its question is found all the same.
        log.warning("verdict_not_read", debate_id=str(debate.pk))
        return None


def _entries(
    debate: Debate, verdict: Verdict, changes: Sequence[tuple[int, Revision]]
) -> Iterator[NewEntry]:
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
    for turn, change in changes:
        yield NewEntry(
            content=(
                f"{question}\nAn argument that changed a mind: "
                f"{_short(change.faulty_step, REASON_LENGTH)}\n"
                f"It led to: {_short(change.position.answer, ANSWER_LENGTH)}"
            ),
            kind=Kind.ARGUMENT,
            tier=Tier.SLOW,
            importance=ARGUMENT_IMPORTANCE,
            reason="it changed an agent's answer",
            turn=turn,
            source=f"debate:{debate.pk.hex}:argument:{turn}",
            **common,
        )


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


def _reasoned_changes(
    verdicts: Mapping[UUID, Verdict],
) -> Mapping[UUID, list[tuple[int, Revision]]]:
    """Of each debate the last turns in which agents found a fault in their own reasoning and
    changed their answers: what proved decisive, as far as that can be seen."""
    moved = {
        (debate_id, flip.agent, flip.round)
        for debate_id, verdict in verdicts.items()
        for flip in verdict.flips
        if flip.reasoned
    }
    changes: dict[UUID, list[tuple[int, Revision]]] = defaultdict(list)
    if not moved:
        return changes
    debate_ids = tuple({debate_id for debate_id, _, _ in moved})
    for debate_id, agent, number, index, stored in _talk.rows(debate_ids):
        wanted = (debate_id, agent, number) in moved
        if wanted and len(changes[debate_id]) < MOST_ARGUMENTS:
            reply = codec.decode_reply(stored)
            if isinstance(reply, Revision) and reply.faulty_step.strip():
                changes[debate_id].append((index, reply))
    return changes


@kept
def _talk(debate_ids: tuple[UUID, ...]) -> QuerySet[Any, Any]:
    """What was said when agents might change their answers, the last first."""
    phases = [Phase.EXCHANGE, Phase.REVISE]
    rows = Turn.objects.filter(debate__in=debate_ids, phase__in=phases, reply__isnull=False)
    names = ("debate", "agent", "round", "index", "reply")
    return rows.order_by("-index").values_list(*names)


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
