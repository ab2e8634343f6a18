"""The questions of all debates that are over, as vectors that this process keeps at hand: for a
database that has no index for them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.models import QuerySet

from aragora_site.kept import kept
from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.models import QuestionVector

if TYPE_CHECKING:
    from memory.selectors.nearest import Matrix

MOST = 50_000
"""The newest, 1 KB each; older ones are not found."""
CHECK_SECONDS = 60.0
"""What was deleted is out of the vectors after so long. Nobody is told of it before that either:
whoever searches asks the database about what is near."""


def all_questions(embedder: str) -> Matrix:
    """The newest questions by this embedder.

    Those of all tenants: kept as one searcher sees them, they would lack what another may find.
    Whoever searches sees of what is near only what is theirs."""
    database = str(connections[QuestionVector.objects.db].settings_dict["NAME"])
    return _at_hand.setdefault((database, embedder), _AtHand(embedder)).now()


def bytes_at_hand() -> int:
    """What the vectors that are kept at hand take."""
    return sum(questions.nbytes for questions in _at_hand.values())


def forget_questions() -> None:
    """Drop the vectors that are kept at hand."""
    _at_hand.clear()


class _AtHand:
    """Keys grow and are never used again, so what is new has keys beyond the last."""

    def __init__(self, embedder: str) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._matrix: Matrix | None = None
        self._check_at = 0.0

    @property
    def nbytes(self) -> int:
        return 0 if self._matrix is None else self._matrix.nbytes

    @across_tenants(Purpose.SEARCH)
    def now(self) -> Matrix:
        with self._lock:
            known = self._matrix
            if known is None or (time.monotonic() >= self._check_at and not self._is_whole(known)):
                known = self._loaded()
            if added := _newer.rows(self._embedder, known.version):
                known = known.followed_by(added[-1][0], added)
            if known.count > MOST + MOST // 8:
                known = known.last(MOST)
            self._matrix = known
            return known

    def _is_whole(self, known: Matrix) -> bool:
        """Whether all of it is there still, and nothing came between."""
        self._check_at = time.monotonic() + CHECK_SECONDS
        first = int(known.ids[0]) if known.count else 0
        rows = QuestionVector.objects.filter(embedder=self._embedder, pk__gte=first)
        return rows.filter(pk__lte=known.version).count() == known.count

    def _loaded(self) -> Matrix:
        from memory.selectors.nearest import matrix_of

        self._check_at = time.monotonic() + CHECK_SECONDS
        rows = QuestionVector.objects.filter(embedder=self._embedder)
        newest = rows.order_by("-pk").values_list("pk", "vector")[:MOST]
        return matrix_of(sorted(newest.iterator(chunk_size=2000)))


_at_hand: dict[tuple[str, str], _AtHand] = {}
"""By database and embedder."""


@kept
def _newer(embedder: str, than: int) -> QuerySet[Any, Any]:
    rows = QuestionVector.objects.filter(embedder=embedder, pk__gt=than)
    return rows.order_by("pk").values_list("pk", "vector")
