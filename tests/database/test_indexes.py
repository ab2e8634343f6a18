"""Every row is written into every index of its table, so there is none that another one covers."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models

pytestmark = pytest.mark.django_db

DEBATES = [model for model in apps.get_app_config("debates").get_models() if model._meta.managed]


@pytest.mark.parametrize("model", DEBATES, ids=lambda model: model._meta.db_table)
def test_no_index_of_a_debates_tables_is_the_beginning_of_another(
    model: type[models.Model],
) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    whole = {
        name: list(one["columns"])
        for name, one in found.items()
        if (one["index"] or one["unique"] or one["primary_key"])
        and not name.endswith("_like")  # In another order, for LIKE on PostgreSQL.
    }
    partial = {
        one.name
        for one in (*model._meta.indexes, *model._meta.constraints)
        if getattr(one, "condition", None) is not None
    }
    covered = {
        (name, other)
        for name, columns in whole.items()
        for other, longer in whole.items()
        if name != other
        and other not in partial
        and columns
        and columns == longer[: len(columns)]
        and not (found[name]["unique"] or found[name]["primary_key"])
    }
    assert not covered
