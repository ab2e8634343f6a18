"""Debates about the same thing: found by the meaning of their questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connections
from django.db.models import Count, Max, QuerySet

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus
from debates.models import Debate, QuestionVector
from debates.streaming.envelope import timestamp
from debates.streaming.events import SettledBefore

if TYPE_CHECKING:
    from memory.embeddings.service import Embedded

LEAST_SIMILAR = 0.35
SAME_QUESTION = 0.8
"""From here on, a decided debate has settled the question. Contradictory questions may lie as
close, so a person is told, and nothing follows by itself."""
MOST = 200


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
    rows = QuestionVector.objects.filter(debate__in=over)
    found = nearest_questions(rows, question, embedded, limit=min(limit, MOST), least=least)
    if not found:
        return []
    debates = {
        debate.question_vector.pk: debate
        for debate in over.filter(question_vector__in=list(found)).select_related(
            "verdict", "question_vector"
        )
    }
    return [
        Similar(debates[key], round(value, 4)) for key, value in found.items() if key in debates
    ]


def settled_before(
    *,
    visible: QuerySet[Debate],
    question: str,
    limit: int = 3,
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


def told(found: Sequence[Similar]) -> list[SettledBefore]:
    """As events and answers say it."""
    return [
        SettledBefore(
            debate_id=str(one.debate.pk),
            slug=one.debate.slug,
            question=one.debate.question,
            answer=one.debate.verdict.answer or "",
            confidence=one.debate.verdict.confidence,
            similarity=one.similarity,
            completed_at=timestamp(one.debate.completed_at) if one.debate.completed_at else "",
        )
        for one in found
    ]


def nearest_questions(
    rows: QuerySet[QuestionVector],
    question: str,
    made: Embedded | None,
    *,
    limit: int,
    least: float,
) -> dict[int, float]:
    """The nearest of these rows, by key, with their similarity."""
    from memory.embeddings.service import get_service
    from memory.selectors.nearest import is_indexed, nearest_exact, nearest_native

    made = made or get_service().embed([question])
    vector = made.vectors[0]
    rows = rows.filter(embedder=made.embedder)
    if is_indexed(rows):
        found = nearest_native(rows, vector, limit=limit)
        return {key: figure for key, figure in found.items() if figure >= least}
    return nearest_exact(
        [question_matrix(made.embedder)],
        vector,
        lambda ids: rows.filter(pk__in=ids).order_by().values_list("pk", flat=True),
        limit=limit,
        least=least,
    )


_matrices: Any = None


@across_tenants(Purpose.SEARCH)
def question_matrix(embedder: str) -> Any:
    """All questions as vectors, kept at hand. Keys grow and are never used again, so their number
    and the newest tell whether anything has changed.

    Those of all tenants: kept as one searcher sees them, they would lack what another may find.
    Whoever searches sees of what is near only what is theirs."""
    from memory.selectors.nearest import MatrixCache

    global _matrices  # noqa: PLW0603
    if _matrices is None:
        _matrices = MatrixCache()
    rows = QuestionVector.objects.filter(embedder=embedder).order_by("pk")
    state = rows.aggregate(count=Count("pk"), newest=Max("pk"))
    database = str(connections[rows.db].settings_dict["NAME"])
    return _matrices.get(
        (database, embedder),
        version=hash((state["count"], state["newest"])),
        ids=lambda: rows.values_list("pk", flat=True),
        load=lambda ids: dict(rows.filter(pk__in=ids).values_list("pk", "vector")),
    )
