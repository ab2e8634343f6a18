"""Everybody sees the rows of their own tenants and what is public: the managers see to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from aragora_site.tenancy import registry
from aragora_site.tenancy.scopes import act_for, also_read
from debates.choices import EventType, Visibility
from debates.models import Debate, Document, Turn, UsageRecord
from debates.services.events import NewEvent, append_events
from ratelimit.workspaces import acting_as
from tests import factories
from tests.tenancy.conftest import OF_THE_TENANT, ROWS, People


def by_manager(model: Any, row: models.Model) -> int:
    return model.objects.filter(pk=row.pk).count()


def test_there_is_a_row_of_every_table() -> None:
    assert set(ROWS) == set(registry.protected())


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_a_private_row_is_its_tenants_alone(model: Any, people: People, debate: Debate) -> None:
    row = ROWS[model](debate)

    def sees(user: User | None) -> int:
        with acting_as(user):
            return by_manager(model, row)

    assert [sees(people.alice), sees(people.bob)] == [1, 1]
    assert [sees(people.charlie), sees(None)] == [0, 0]


@pytest.mark.parametrize(
    "model", [m for m in ROWS if m not in OF_THE_TENANT], ids=lambda m: m.__name__
)
def test_the_rows_of_a_public_debate_are_everybodys_to_read(model: Any, people: People) -> None:
    debate = factories.make_debate(owner=people.alice)
    row = ROWS[model](debate)
    for user in (people.charlie, None):
        with acting_as(user):
            assert by_manager(model, row) == 1


def test_the_corpus_is_everybodys(people: People) -> None:
    document = factories.make_document()
    with acting_as(None):
        assert Document.objects.get().pk == document.pk


def test_what_a_deleted_debate_cost_is_nobodys(people: People) -> None:
    factories.make_usage_record(None)
    with acting_as(people.alice):
        assert not UsageRecord.objects.exists()


def test_parts_are_seen_through_their_debate(people: People, debate: Debate) -> None:
    factories.make_turn(debate)
    with acting_as(people.charlie):
        assert not debate.turns.exists()
        assert not Turn.objects.filter(debate=debate).exists()
    Debate.objects.filter(pk=debate.pk).update(visibility=Visibility.PUBLIC)
    with acting_as(people.charlie):
        assert debate.turns.count() == 1


def test_a_worker_acts_for_the_tenants_of_its_debates(people: People, debate: Debate) -> None:
    other = factories.make_debate(owner=people.charlie, visibility=Visibility.PRIVATE)
    event = [NewEvent(EventType.DEBATE_START, {"debate_id": str(debate.pk)})]
    with act_for(debate.workspace_id, other.workspace_id), transaction.atomic():
        for one in (debate, other):
            append_events(debate_id=one.pk, events=event, now=timezone.now())
        assert Debate.objects.count() == 2


def test_a_link_lets_read_one_debate_for_as_long_as_the_scope_lasts(
    people: People, debate: Debate
) -> None:
    factories.make_turn(debate)
    factories.make_debate(owner=people.alice, workspace=people.shared, visibility="private")
    with acting_as(people.charlie):
        also_read(debate.pk)
        assert [found.pk for found in Debate.objects.all()] == [debate.pk]
        assert debate.turns.count() == Turn.objects.count() == 1
    with acting_as(people.charlie):
        assert not Debate.objects.exists()
