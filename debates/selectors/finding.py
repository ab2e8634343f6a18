"""Which debates there are for whom."""

from collections.abc import Callable, Collection
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import connections
from django.db.models import BooleanField, F, Func, Prefetch, Q, QuerySet, Value

from aragora_site.tenancy.scopes import Purpose, across_tenants, also_read
from debates.choices import DebateStatus, Origin, Visibility
from debates.exceptions import NotFound
from debates.models import Debate, Round
from debates.selectors.sharing import shared_debate_id
from debates.services.faults import is_storable
from ratelimit.workspaces import memberships_of

T = TypeVar("T")
Viewer = AbstractBaseUser | AnonymousUser | None
"""Somebody who looks; None and `AnonymousUser` are the same."""

MAX_SEARCH_WORDS = 8


def debates_visible_to(user: Viewer) -> QuerySet[Debate]:
    """The public ones, the viewer's own, and those of the viewer's workspaces that are meant for
    everybody there. A viewer who came by an API key reaches what the key does."""
    visible = Q(visibility=Visibility.PUBLIC)
    if user is not None and user.is_authenticated:
        theirs = Q(visibility=Visibility.WORKSPACE) | Q(owner=user.pk)
        visible |= theirs & Q(workspace__in=memberships_of(user).values("workspace"))
    return Debate.objects.filter(visible)


def listed(debates: QuerySet[Debate], *, archived: bool = False) -> QuerySet[Debate]:
    """Those among them that were not put away; or those that were."""
    return debates.filter(archived_at__isnull=not archived)


def independent(debates: QuerySet[Debate]) -> QuerySet[Debate]:
    """Those among them that count when debates are counted. A fork does not: what it came to rests
    on words that its parent counts for, and on a context that may only have been supposed."""
    return debates.exclude(origin=Origin.FORK)


def is_open_to_all(debate: Debate) -> bool:
    """Whether others may read the debate than those whom its workspace knows: everybody, or whoever
    has its link. At most one query."""
    return debate.visibility == Visibility.PUBLIC or hasattr(debate, "share_link")


class Reach(NamedTuple):
    """Who may read a debate: everybody, where it names nobody."""

    person: int | None = None
    workspace: UUID | None = None


def reach_of(debate: Debate) -> Reach:
    """Who may read the debate. At most one query."""
    if is_open_to_all(debate):
        return Reach()
    if debate.visibility == Visibility.PRIVATE:
        return Reach(person=debate.owner_id)
    return Reach(workspace=debate.workspace_id)


def debates_within(reach: Reach) -> QuerySet[Debate]:
    """Those that whoever is meant may read."""
    if reach.person is not None:
        return debates_visible_to(User(pk=reach.person))
    visible = Q(visibility=Visibility.PUBLIC)
    if reach.workspace is not None:
        visible |= Q(visibility=Visibility.WORKSPACE, workspace=reach.workspace)
    return Debate.objects.filter(visible)


def debates_open_with(debate: Debate) -> QuerySet[Debate]:
    """Those that whoever may read the debate may read too."""
    return debates_within(reach_of(debate))


def get_debate(*, user: Viewer, id_or_slug: str | UUID, share: str = "") -> Debate:
    """The debate with its verdict and rounds at hand; `share` is the token of a shared link, where
    the viewer came by one. Raises `NotFound`, also when it is there but not this viewer's to
    see."""
    return _found(lambda rows: with_outcome(rows).first(), user, str(id_or_slug), share)


def find_debate_id(*, user: Viewer, id_or_slug: str | UUID, share: str = "") -> UUID:
    """The same for who needs to know only whether it is there, and its key."""
    return _found(
        lambda rows: rows.values_list("pk", flat=True).first(), user, str(id_or_slug), share
    )


def _found(
    read: Callable[[QuerySet[Debate]], T | None], user: Viewer, reference: str, share: str
) -> T:
    try:
        wanted = Q(pk=UUID(reference))
    except ValueError:
        wanted = Q(slug=reference)
    if not is_storable(reference):
        raise _no_such_debate()
    found = read(debates_visible_to(user).filter(wanted))
    if found is None and share and (shared := shared_debate_id(share)) is not None:
        also_read(shared)
        found = read(Debate.objects.filter(wanted, pk=shared))
    if found is None:
        raise _no_such_debate()
    return found


def get_shared_debate(token: str) -> Debate:
    """The debate that a shared link opens. Raises `NotFound`, also for a link that was revoked."""
    debate = None
    if (shared := shared_debate_id(token)) is not None:
        also_read(shared)
        debate = with_outcome(Debate.objects.filter(pk=shared)).first()
    if debate is None:
        raise NotFound("This link opens nothing, or it was revoked.")
    return debate


def _no_such_debate() -> NotFound:
    return NotFound("There is no such debate, or it is not yours to see.")


def children_of(debate: Debate, *, user: Viewer) -> QuerySet[Debate]:
    """The debates that were made from this one and that the viewer may see, newest first."""
    return debates_visible_to(user).filter(parent=debate).order_by("-created_at", "-id")


def parent_of(debate: Debate, *, user: Viewer) -> Debate | None:
    """The debate that this one was made from, if it is still there and the viewer may see it."""
    if debate.parent_id is None:
        return None
    return debates_visible_to(user).filter(pk=debate.parent_id).defer("context").first()


def list_debates(
    *,
    user: Viewer,
    q: str = "",
    statuses: Collection[DebateStatus] = (),
    tag: str = "",
    archived: bool = False,
) -> QuerySet[Debate]:
    """The debates that the viewer may see, newest first, with their verdicts and rounds at hand.

    With `archived` those that were put away, without it the others. `q` is looked for in questions
    and titles, word by word; all words have to be there. The context, which may be long, is left
    in the database."""
    debates = listed(with_outcome(debates_visible_to(user)), archived=archived).defer("context")
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


def with_outcome(debates: QuerySet[Debate]) -> QuerySet[Debate]:
    """The same debates with what `debate_object` needs; one more query for the lot."""
    # Into a list of its own: a manager for each debate costs more than the query.
    begun = Prefetch("round_set", Round.objects.order_by("number"), to_attr="rounds_begun")
    return debates.select_related("verdict", "outcome").prefetch_related(begun)


def _has_tag(using: str, tag: str) -> Q | Func:
    if connections[using].features.supports_json_field_contains:
        return Q(tags__contains=[tag])
    return _ListHolds(F("tags"), Value(tag))


class _ListHolds(Func):
    """Whether a JSON list holds a text, for SQLite, which has no operator for it."""

    template = "EXISTS(SELECT 1 FROM json_each(%(expressions)s)"
    arg_joiner = ") WHERE value = "
    output_field = BooleanField()
