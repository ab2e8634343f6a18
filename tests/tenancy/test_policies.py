"""Row-level security, whatever a statement forgets. The tests are the role of the program."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, models, transaction

from aragora_site.tenancy import registry
from aragora_site.tenancy.scopes import Purpose, across_tenants, act_for, also_read
from debates.choices import Visibility
from debates.models import Debate, Document, Turn
from ratelimit.workspaces import acting_as
from tests import factories
from tests.support.roles import APP
from tests.tenancy.conftest import ROWS, People

SAMPLES = pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)


def test_the_role_owns_nothing(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, COUNT(*) FROM pg_tables WHERE tableowner = current_user"
        )
        assert cursor.fetchone() == (APP, 0)


def count(model: type[models.Model]) -> int:
    """By a statement that asks for everything."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT COUNT(*) FROM "{model._meta.db_table}"')  # noqa: S608
        return int(cursor.fetchone()[0])


@SAMPLES
def test_a_private_row_is_its_tenants_alone(model: Any, people: People, debate: Debate) -> None:
    ROWS[model](debate)

    def sees(user: User | None) -> int:
        with acting_as(user):
            return count(model)

    assert [sees(people.alice), sees(people.bob)] == [1, 1]
    assert [sees(people.charlie), sees(None)] == [0, 0]


@SAMPLES
@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.PUBLIC])
def test_nobody_writes_to_another_tenant(
    model: Any, visibility: str, people: People, debate: Debate
) -> None:
    Debate.objects.filter(pk=debate.pk).update(visibility=visibility)
    row = ROWS[model](debate)
    table, key = model._meta.db_table, model._meta.pk.column
    for user in (people.charlie, None):
        with acting_as(user), connection.cursor() as cursor:
            for statement in (
                f'UPDATE "{table}" SET "{key}" = "{key}"',  # noqa: S608
                f'DELETE FROM "{table}"',  # noqa: S608
            ):
                cursor.execute(statement)
                assert cursor.rowcount == 0
    with acting_as(people.bob), connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{table}" SET "{key}" = "{key}" WHERE "{key}" = %s', [row.pk])  # noqa: S608
        assert cursor.rowcount == 1


def test_nobody_adds_to_another_tenant(people: People, debate: Debate) -> None:
    def refused(work: Any) -> None:
        with (
            acting_as(people.charlie),
            pytest.raises(DatabaseError, match="row-level security"),
            transaction.atomic(),
        ):
            work()

    refused(lambda: factories.make_turn(debate, index=0))
    refused(lambda: factories.make_debate(workspace=people.shared))
    # Nor can a debate be taken along.
    mine = factories.make_debate(owner=people.charlie)
    refused(lambda: Debate.objects.filter(pk=mine.pk).update(workspace=people.shared))
    with acting_as(people.charlie):
        assert Debate.objects.filter(pk=mine.pk).update(title="Mine") == 1


def test_the_setting_ends_with_the_statement(people: People, debate: Debate) -> None:
    def setting() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.tenant_id', true)")
            return cursor.fetchone()[0] or ""

    with transaction.atomic():
        with acting_as(people.bob):
            assert Debate.objects.get().pk == debate.pk
            assert str(people.shared.pk) in setting()
        # Also within one transaction it is the scope that counts, not what was set before.
        with act_for():
            assert not Debate.objects.exists()
        with across_tenants(Purpose.QUEUE):
            assert Debate.objects.exists()
            assert setting() == "all:queue"


def test_many_rows_at_once_go_through_the_policies(people: People, debate: Debate) -> None:
    with acting_as(people.bob), connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE debates_debate SET title = %s WHERE id = %s", [("One", debate.pk)] * 2
        )
    debate.refresh_from_db()
    assert debate.title == "One"
    with acting_as(people.charlie), connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE debates_debate SET title = %s WHERE id = %s", [("Two", debate.pk)] * 2
        )
    debate.refresh_from_db()
    assert debate.title == "One"


def test_only_operators_change_the_corpus(people: People) -> None:
    document = factories.make_document()
    with acting_as(people.alice):
        assert Document.objects.filter(pk=document.pk).update(title="Mine") == 0
    assert Document.objects.filter(pk=document.pk).update(title="Ours") == 1


def test_a_statement_that_no_scope_goes_with_sees_what_is_public(
    people: People, debate: Debate
) -> None:
    """As from a program that is not this one."""
    factories.make_debate("Public?")
    with connection.connection.cursor() as cursor:
        cursor.execute("SET LOCAL app.tenant_id = DEFAULT")
        cursor.execute("SELECT question FROM debates_debate")
        assert cursor.fetchall() == [("Public?",)]
        for model in registry.protected().keys() - {Debate}:
            cursor.execute(f'SELECT COUNT(*) FROM "{model._meta.db_table}"')  # noqa: S608
            assert cursor.fetchone() == (0,)


def test_a_link_lets_nobody_write(people: People, debate: Debate) -> None:
    turn = factories.make_turn(debate)
    with acting_as(people.charlie):
        also_read(debate.pk)
        assert count(Debate) == count(Turn) == 1
        assert Debate.objects.filter(pk=debate.pk).update(title="Mine") == 0
        assert Turn.objects.filter(pk=turn.pk).update(text="Mine") == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            factories.make_round(debate)
