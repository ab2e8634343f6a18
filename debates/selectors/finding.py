"""Which debates there are for whom."""

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connections
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus, Visibility
from debates.exceptions import NotFound
from debates.models import Debate
from debates.services.faults import is_storable

Viewer = AbstractBaseUser | AnonymousUser | None
"""Somebody who looks; None and `AnonymousUser` are the same."""

MAX_SEARCH_WORDS = 8


def debates_visible_to(user: Viewer) -> QuerySet[Debate]:
    """The public ones, and the viewer's own."""
    visible = Q(visibility=Visibility.PUBLIC)
    if user is not None and user.is_authenticated:
        visible |= Q(owner=user.pk)
    return Debate.objects.filter(visible)


def get_debate(*, user: Viewer, id_or_slug: str | UUID) -> Debate:
    """The debate with its verdict and rounds at hand. Raises `NotFound`, also when it is there
    but not this viewer's to see."""
    reference = str(id_or_slug)
    try:
        wanted = Q(pk=UUID(reference))
    except ValueError:
        wanted = Q(slug=reference)
    debate = None
    if is_storable(reference):
        debate = with_outcome(debates_visible_to(user)).filter(wanted).first()
    if debate is None:
        raise NotFound("There is no such debate, or it is not yours to see.")
    return debate


def list_debates(
    *,
    user: Viewer,
    q: str = "",
    statuses: Collection[DebateStatus] = (),
    tag: str = "",
) -> QuerySet[Debate]:
    """The debates that the viewer may see, newest first, with their verdicts and rounds at hand.

    `q` is looked for in questions and titles, word by word; all words have to be there. The
    context, which may be long, is left in the database."""
    debates = with_outcome(debates_visible_to(user)).defer("context")
    if not is_storable(q + tag):
        return debates.none()
    for word in q.split()[:MAX_SEARCH_WORDS]:
        debates = debates.filter(Q(question__icontains=word) | Q(title__icontains=word))
    if statuses:
        debates = debates.filter(status__in=sorted(statuses))
    if tag:
        debates = debates.filter(_has_tag(debates.db, tag))
    return debates.order_by("-created_at", "-id")


@across_tenants(Purpose.QUEUE)
def count_running() -> int:
    """How many debates run now, on whatever instance."""
    return Debate.objects.filter(status=DebateStatus.RUNNING).count()


@across_tenants(Purpose.QUEUE)
def queue_position(debate: Debate) -> int | None:
    """The debate's place among those that wait, from 1; None when it does not wait."""
    if debate.status != DebateStatus.PENDING:
        return None
    waiting = Debate.objects.filter(status=DebateStatus.PENDING)
    earlier = Q(queued_at__lt=debate.queued_at) | Q(queued_at=debate.queued_at, pk__lt=debate.pk)
    return waiting.filter(earlier).count() + 1


def with_outcome(debates: QuerySet[Debate]) -> QuerySet[Debate]:
    """The same debates with what `debate_object` needs; one more query for the lot."""
    return debates.select_related("verdict").prefetch_related("round_set")


def _has_tag(using: str, tag: str) -> Q | Func:
    if connections[using].features.supports_json_field_contains:
        return Q(tags__contains=[tag])
    return _ListHolds(F("tags"), Value(tag))


class _ListHolds(Func):
    """Whether a JSON list holds a text, for SQLite, which has no operator for it."""

    template = "EXISTS(SELECT 1 FROM json_each(%(expressions)s)"
    arg_joiner = ") WHERE value = "
    output_field = BooleanField()
