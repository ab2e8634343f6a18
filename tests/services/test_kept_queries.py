"""A query whose text is kept finds what the same query finds that is phrased anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aragora_site.kept import kept
from aragora_site.tenancy.scopes import (
    Purpose,
    UnscopedQuery,
    across_tenants,
    act_for,
    also_read,
    outside,
)
from debates.choices import DebateStatus, Visibility
from debates.models import Debate, QuestionVector
from ratelimit.models import Workspace
from tests.factories import make_debate

pytestmark = pytest.mark.django_db


def _wanted(
    ids: tuple[UUID, ...], workspace: UUID | None, since: datetime, word: str, least: int
) -> QuerySet[Debate]:
    ours = Q(workspace=workspace) if workspace else Q(workspace=None)
    found = Debate.objects.filter(ours, pk__in=ids, created_at__gte=since, rounds__gte=least)
    return found.exclude(question=word).order_by("pk")


wanted = kept(_wanted)


@kept
def _figures(ids: tuple[UUID, ...], only_done: bool) -> QuerySet[Any, Any]:
    found = Debate.objects.filter(pk__in=ids).order_by("pk")
    if only_done:
        found = found.filter(status=DebateStatus.COMPLETED)
    return found.values_list("pk", "panel", "created_at", "cost_usd", "verdict__reached")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 9])
def test_lists_of_any_length(count: int) -> None:
    debates = [make_debate() for _ in range(9)]
    ids = tuple(debate.pk for debate in debates[:count])
    for given in (ids, ids[::-1]):
        asked = (given, None, timezone.now() - timedelta(days=1), "none", 1)
        assert wanted.objects(*asked) == list(_wanted(*asked))
        assert len(wanted.objects(*asked)) == count


def test_objects_have_every_field_as_the_model_has_it() -> None:
    debate = make_debate(budget_usd="1.5", metadata={"a": [1, "é"]})
    [found] = wanted.objects((debate.pk,), None, debate.created_at, "none", 1)
    stored = Debate.objects.get(pk=debate.pk)
    for field in Debate._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(stored, field.attname), field
        assert type(getattr(found, field.attname)) is type(getattr(stored, field.attname))


def test_rows_are_those_of_the_query() -> None:
    ids = tuple(make_debate().pk for _ in range(3))
    assert _figures.rows(ids, False) == list(
        Debate.objects.filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk", "panel", "created_at", "cost_usd", "verdict__reached")
    )
    assert _figures.rows(ids, True) == []


def test_each_value_goes_to_its_own_place() -> None:
    one, other = make_debate(rounds=2), make_debate(rounds=5)
    both, now = (one.pk, other.pk), timezone.now()
    long_ago = now - timedelta(days=1)
    assert wanted.objects(both, None, long_ago, "none", 5) == [other]
    assert wanted.objects(both, None, now + timedelta(days=1), "none", 1) == []
    assert wanted.objects((one.pk,), None, long_ago, one.question, 1) == []
    assert wanted.objects((one.pk,), UUID(int=1), long_ago, "none", 1) == []


def test_a_text_is_phrased_once_for_each_shape() -> None:
    phrased = []

    @kept
    def numbers(ids: tuple[UUID, ...]) -> QuerySet[Any, Any]:
        phrased.append(len(ids))
        return Debate.objects.filter(pk__in=ids).values_list("rounds")

    ids = tuple(make_debate().pk for _ in range(4))
    for count in (1, 3, 4, 3, 4, 1, 0):
        assert len(numbers.rows(ids[:count])) == count
    assert phrased == [1, 1, 4, 4, 0]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        numbers.rows(())
        numbers.rows(ids)
    assert len(asked) == 1


def test_one_tenant_never_gets_the_text_of_another() -> None:
    @kept
    def everything() -> QuerySet[Any, Any]:
        return Debate.objects.order_by().values_list("pk")

    ours, theirs = (Workspace.objects.create(name=name, slug=name) for name in ("a", "b"))
    alice = User.objects.create_user("alice")
    own = {
        tenant.pk: make_debate(workspace=tenant, owner=alice, visibility=Visibility.WORKSPACE).pk
        for tenant in (ours, theirs)
    }
    for tenant in (ours, theirs, ours):
        with act_for(tenant.pk):
            assert everything.rows() == [(own[tenant.pk],)]
    with act_for(None):
        assert everything.rows() == []
    with across_tenants(Purpose.OPERATOR):
        assert sorted(everything.rows()) == sorted((pk,) for pk in own.values())


def test_tenants_share_a_text() -> None:
    phrased = []

    @kept
    def everything() -> QuerySet[Any, Any]:
        phrased.append(1)
        return Debate.objects.order_by().values_list("pk")

    owner = User.objects.create_user("alice")
    tenants = [Workspace.objects.create(name=name, slug=name).pk for name in "abcdefghi"]
    of = {
        tenant: make_debate(workspace_id=tenant, owner=owner, visibility=Visibility.WORKSPACE).pk
        for tenant in tenants
    }
    for seen in (tenants[:3], tenants[3:7], tenants[::-3], tenants[1:], tenants[:1], tenants[4:5]):
        with act_for(*seen):
            assert sorted(everything.rows()) == sorted((of[tenant],) for tenant in seen)
    # For up to one, four and eight tenants, each twice.
    assert len(phrased) == 6
    with act_for(tenants[0]):
        also_read(of[tenants[8]])
        assert sorted(everything.rows()) == sorted([(of[tenants[0]],), (of[tenants[8]],)])


def test_without_a_scope_there_is_no_text_of_those_who_see_all(settings: Any) -> None:
    @kept
    def everything() -> QuerySet[Any, Any]:
        return Debate.objects.order_by().values_list("pk")

    workspace = Workspace.objects.create(name="a", slug="a")
    owner = User.objects.create_user("alice")
    make_debate(workspace=workspace, owner=owner, visibility=Visibility.WORKSPACE)
    with across_tenants(Purpose.OPERATOR):
        assert len(everything.rows()) == 1
    with outside():
        with pytest.raises(UnscopedQuery):
            everything.rows()
        settings.TENANCY_STRICT = False
        assert everything.rows() == []
    with across_tenants(Purpose.OPERATOR):
        assert len(everything.rows()) == 1


def test_a_query_that_hides_what_it_is_given_is_refused() -> None:
    @kept
    def about(word: str) -> QuerySet[Any, Any]:
        return Debate.objects.filter(question__icontains=word).values_list("pk")

    with pytest.raises(TypeError, match="elsewhere"):
        about.rows("intake")


def test_bytes_and_grouped_figures() -> None:
    @kept
    def vectors(embedder: str) -> QuerySet[Any, Any]:
        return QuestionVector.objects.filter(embedder=embedder).values_list("vector")

    held = bytes(1020) + b"\0\0\x80?"
    QuestionVector.objects.create(debate=make_debate(), embedder="test", vector=held)
    assert vectors.rows("test") == [(held,)]
