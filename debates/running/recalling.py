"""What a debate is shown of earlier ones when it begins.

It is looked up before the debate is claimed, on a thread, and written into the log with the start;
whoever takes the debate up later reads it there. With nothing remembered, that is two cheap
queries for all debates of a tenant that are claimed together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db.models import QuerySet

from aragora_site.kept import kept
from aragora_site.tenancy.scopes import act_for
from debates.choices import EventType
from debates.engine.planner import next_step
from debates.engine.types import Ask, Recalled, Setup, Spent
from debates.models import Debate, DebateEvent, QuestionVector
from debates.providers.base import AgentSpec
from debates.running.audience import fits_context
from debates.selectors.finding import reach_of
from debates.selectors.readers import reader_of_debate
from debates.selectors.similar import settled_for
from debates.services.events import NewEvent
from debates.streaming.envelope import timestamp
from debates.streaming.events import MemoryRecall, RecalledEntry, SettledBefore
from memory.scopes import Reader
from memory.selectors.search import Hit, Parts, is_empty, search

if TYPE_CHECKING:
    from memory.embeddings.service import Embedded

log = structlog.get_logger(__name__)

MOST_RECALLED = 6
MOST_READERS = 1000
_ONCE_FILLED: set[Reader] = set()
"""Those for whom something was remembered once: they are searched for without asking first whether
there still is something."""
EMBEDDING_SECONDS = 1.5
"""That a debate waits for an embedder that has to be loaded first, or is far away."""


@dataclass(slots=True)
class Recollection:
    """What one debate is shown."""

    event: NewEvent
    recalled: tuple[Recalled, ...]
    entry_ids: tuple[int, ...]
    """What counts as used, once the debate is claimed."""


@dataclass(slots=True)
class Recaller:
    """Looks things up for debates that are claimed together, and remembers where there is
    nothing."""

    now: datetime
    _empty: dict[Reader, bool] = field(default_factory=dict)
    _no_questions: bool | None = None

    def recall(
        self, debate: Debate, setup: Setup, specs: Mapping[str, AgentSpec]
    ) -> Recollection | None:
        """What the debate is shown; None when there is nothing. Never raises: a debate is held
        without memory rather than not at all."""
        if not debate.use_memory or not settings.ARAGORA.memory_recall_tokens:
            return None
        try:
            return self._recall(debate, setup, specs)
        except Exception as error:
            log.warning("memory_not_recalled", debate_id=str(debate.pk), error=type(error).__name__)
            return None

    def _recall(
        self, debate: Debate, setup: Setup, specs: Mapping[str, AgentSpec]
    ) -> Recollection | None:
        reach = reach_of(debate)
        reader = reader_of_debate(debate)
        nothing, some_questions = self._is_empty(debate, reader), self._some_questions()
        if nothing and not some_questions:
            return None
        embedded = _embedded(debate.question)
        hits: list[Hit] = []
        if not nothing:
            with act_for(debate.workspace_id):
                hits = search(
                    reader=reader,
                    query=debate.question,
                    now=self.now,
                    limit=MOST_RECALLED,
                    token_budget=settings.ARAGORA.memory_recall_tokens,
                    clear_only=True,
                    parts=Parts(meaning=embedded is not None),
                    embedded=embedded,
                )
        settled: list[SettledBefore] = []
        if some_questions and embedded is not None:
            settled = settled_for(debate, reach=reach, embedded=embedded)
        recalled = _as_many_as_fit([_recalled(*item) for item in enumerate(hits, 1)], setup, specs)
        hits = hits[: len(recalled)]
        if not hits and not settled:
            return None
        data = MemoryRecall(
            debate_id=str(debate.pk),
            entries=[_entry(number, hit) for number, hit in enumerate(hits, start=1)],
            settled=settled,
        )
        return Recollection(
            NewEvent(EventType.MEMORY_RECALL, data),
            recalled,
            tuple(hit.entry.pk for hit in hits),
        )

    def _is_empty(self, debate: Debate, reader: Reader) -> bool:
        if reader in _ONCE_FILLED:
            return False
        if reader not in self._empty:
            with act_for(debate.workspace_id):
                self._empty[reader] = is_empty(reader=reader, now=self.now)
            if not self._empty[reader]:
                if len(_ONCE_FILLED) >= MOST_READERS:
                    _ONCE_FILLED.clear()
                _ONCE_FILLED.add(reader)
        return self._empty[reader]

    def _some_questions(self) -> bool:
        if self._no_questions is None:
            self._no_questions = not _one_question.rows()
        return not self._no_questions


@kept
def _one_question() -> QuerySet[Any, Any]:
    return QuestionVector.objects.order_by().values_list("pk")[:1]


def _embedded(question: str) -> Embedded | None:
    """The question's vector, unless that would hold up the debates that wait behind: then words
    alone are looked for, this once."""
    from memory.embeddings.service import get_service

    return get_service().embed_within([question], seconds=EMBEDDING_SECONDS)


def recalled_before(debate: Debate) -> tuple[Recalled, ...]:
    """What the log says that a debate was shown when it began."""
    found = DebateEvent.objects.filter(debate=debate, type=EventType.MEMORY_RECALL)
    data = found.order_by("seq").values_list("data", flat=True).first()
    entries: Sequence[RecalledEntry] = data["entries"] if data else ()
    # What was withheld since has no content.
    kept = (entry for entry in entries if entry["content"])
    return tuple(Recalled(entry["label"], entry["content"]) for entry in kept)


def _as_many_as_fit(
    recalled: Sequence[Recalled], setup: Setup, specs: Mapping[str, AgentSpec]
) -> tuple[Recalled, ...]:
    """As much as leaves the first round possible within the budget and everybody's context: memory
    never keeps a debate from beginning."""
    for count in range(len(recalled), 0, -1):
        shown = tuple(recalled[:count])
        step = next_step(replace(setup, recalled=shown), (), Spent())
        if isinstance(step, Ask) and all(
            fits_context(call, specs[call.key.agent]) for call in step.calls
        ):
            return shown
    return ()


def _recalled(number: int, hit: Hit) -> Recalled:
    return Recalled(f"M{number}", hit.entry.content)


def _entry(number: int, hit: Hit) -> RecalledEntry:
    entry = hit.entry
    return RecalledEntry(
        id=entry.pk,
        label=f"M{number}",
        tier=entry.tier,
        kind=entry.kind,
        content=entry.content,
        importance=entry.importance,
        score=hit.score,
        why=hit.why,
        debate_id=str(entry.debate_id) if entry.debate_id else None,
        slug=entry.debate_slug,
        created_at=timestamp(entry.created_at),
    )
