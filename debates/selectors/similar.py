"""Debates about the same thing: found by the meaning of their questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from aragora_site.kept import kept
from debates.choices import DebateStatus
from debates.models import Debate, QuestionVector
from debates.selectors.finding import Reach, debates_within
from debates.selectors.objects import has_language_model
from debates.selectors.questions import all_questions
from debates.streaming.envelope import timestamp
from debates.streaming.events import SettledBefore

if TYPE_CHECKING:
    from memory.embeddings.service import Embedded

LEAST_SIMILAR = 0.35
SAME_QUESTION = 0.8
"""From here on, a decided debate has settled the question. Contradictory questions may lie as
close, so a person is told, and nothing follows by itself."""
MOST = 200
_TOLD = (
    "slug",
    "question",
    "completed_at",
    "verdict__answer",
    "verdict__reached",
    "verdict__agreement",
    "verdict__confidence",
    "verdict__detail",
    "question_vector__id",
)
MOST_SETTLED = 3


@dataclass(frozen=True, slots=True)
class Similar:
    """A debate, and how close its question is: the cosine."""

    debate: Debate
    similarity: float


def similar_debates(
    *,
    visible: QuerySet[Debate],
    question: str,
    limit: int = 10,
    least: float = LEAST_SIMILAR,
    except_for: UUID | None = None,
    embedded: Embedded | None = None,
) -> list[Similar]:
    """The debates among `visible` that came to an end and ask nearly the same, nearest first.

    Embeds the question, unless it is given `embedded`: not to be called on an event loop."""
    if not question.strip() or (embedded is None and not QuestionVector.objects.exists()):
        return []
    over = visible.filter(status=DebateStatus.COMPLETED)
    if except_for is not None:
        over = over.exclude(pk=except_for)
    found = _nearest(over, question, embedded, limit=min(limit, MOST), least=least)
    return [Similar(debate, round(value, 4)) for debate, value in found]


def settled_before(
    *,
    visible: QuerySet[Debate],
    question: str,
    limit: int = MOST_SETTLED,
    except_for: UUID | None = None,
    embedded: Embedded | None = None,
) -> list[Similar]:
    """The debates that have come to a decision about this question already."""
    decided = visible.filter(verdict__reached=True)
    return similar_debates(
        visible=decided,
        question=question,
        limit=limit,
        least=SAME_QUESTION,
        except_for=except_for,
        embedded=embedded,
    )


def settled_for(debate: Debate, *, reach: Reach, embedded: Embedded) -> list[SettledBefore]:
    """The same for a debate that begins, as its log says it: among those that whoever may read it,
    which is its `reach`, may read."""
    from memory.fields import as_text
    from memory.selectors.nearest import exploring, is_indexed, nearest_exact

    vector = embedded.vectors[0]
    wanted = (*reach, debate.pk, embedded.embedder)
    about: dict[int, Sequence[Any]] = {}

    def fetch(ids: Collection[int]) -> Collection[int]:
        about.update((key, row) for key, *row in _settled.rows(*wanted, tuple(ids)))
        return about.keys()

    if is_indexed(QuestionVector):
        with exploring(DEFAULT_DB_ALIAS, MOST_SETTLED):
            near = _nearest_settled.rows(*wanted, as_text(vector.tobytes()))
        near.sort(key=itemgetter(1))
        found = {key: -distance for key, distance in near if -distance >= SAME_QUESTION}
        if found:
            fetch(tuple(found))
    else:
        parts = [all_questions(embedded.embedder)]
        found = nearest_exact(parts, vector, fetch, limit=MOST_SETTLED, least=SAME_QUESTION)
    return [_told(about[key], figure) for key, figure in found.items() if key in about]


def _decided(
    person: int | None, workspace: UUID | None, except_for: UUID, embedder: str
) -> QuerySet[Debate]:
    # What has a verdict is completed. Asked for that, SQLite would begin with all that are.
    found = debates_within(Reach(person, workspace)).exclude(pk=except_for).order_by()
    return found.filter(verdict__reached=True, question_vector__embedder=embedder)


@kept
def _settled(
    person: int | None,
    workspace: UUID | None,
    except_for: UUID,
    embedder: str,
    keys: tuple[int, ...],
) -> QuerySet[Any, Any]:
    found = _decided(person, workspace, except_for, embedder)
    return found.filter(question_vector__pk__in=keys).values_list(
        *("question_vector__pk", "pk", "slug", "question", "panel", "completed_at"),
        *("verdict__answer", "verdict__confidence"),
    )


@kept
def _nearest_settled(
    person: int | None, workspace: UUID | None, except_for: UUID, embedder: str, vector: str
) -> QuerySet[Any, Any]:
    from memory.selectors.nearest import nearest_first

    over = _decided(person, workspace, except_for, embedder)
    rows = nearest_first(QuestionVector.objects.filter(debate__in=over), vector)
    return rows.values_list("pk", "distance")[:MOST_SETTLED]


def _told(row: Sequence[Any], similarity: float) -> SettledBefore:
    debate_id, slug, question, panel, completed_at, answer, confidence = row
    return SettledBefore(
        debate_id=str(debate_id),
        slug=slug,
        question=question,
        answer=answer or "",
        confidence=confidence,
        similarity=round(similarity, 4),
        completed_at=timestamp(completed_at) if completed_at else "",
        by_language_models=has_language_model(panel),
    )


def _nearest(
    over: QuerySet[Debate], question: str, made: Embedded | None, *, limit: int, least: float
) -> list[tuple[Debate, float]]:
    """The debates with the nearest questions, and how near these are."""
    from memory.embeddings.service import get_service
    from memory.selectors.nearest import is_indexed, nearest_exact, nearest_native

    made = made or get_service().embed([question])
    vector, embedder = made.vectors[0], made.embedder
    rows = QuestionVector.objects.filter(embedder=embedder, debate__in=over)
    debates: dict[int, Debate] = {}

    def fetch(ids: Collection[int]) -> Collection[int]:
        """The debates of these questions, as far as they are among those wanted."""
        asked = over.filter(question_vector__in=list(ids), question_vector__embedder=embedder)
        for debate in asked.select_related("verdict", "question_vector").only(*_TOLD).order_by():
            debates[debate.question_vector.pk] = debate
        return debates.keys()

    if is_indexed(QuestionVector, rows.db):
        found = nearest_native(rows, vector, limit=limit)
        found = {key: figure for key, figure in found.items() if figure >= least}
        if found:
            fetch(found)
    else:
        found = nearest_exact([all_questions(embedder)], vector, fetch, limit=limit, least=least)
    return [(debates[key], figure) for key, figure in found.items() if key in debates]
