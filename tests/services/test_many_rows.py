"""Rows that are written in bulk are what was given, however many there are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aragora_site import bulk
from aragora_site.bulk import insert_rows
from debates.models import DebateEvent, UsageRecord
from debates.running.checkpoint import UsageRow
from debates.services.events import EventRow
from tests.factories import make_debate

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | texts
    # PostgreSQL gives a large round figure back as a whole number, and minus nought without sign.
    | st.floats(-1e6, 1e6).map(lambda number: number + 0.0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.lists(st.dictionaries(texts, values, max_size=3), min_size=1, max_size=20))
def test_events_are_read_as_they_were_written(data: list[dict[str, Any]]) -> None:
    debate = make_debate()
    rows = [
        EventRow(debate.pk, number, "vote", number or None, "ada %s \\", one, NOW)
        for number, one in enumerate(data)
    ]
    insert_rows(DebateEvent, EventRow._fields, rows)
    found = DebateEvent.objects.filter(debate=debate).order_by("seq")
    assert [EventRow(*row) for row in found.values_list(*EventRow._fields)] == rows


@pytest.mark.parametrize("count", [1, 40])
def test_money_keeps_its_last_digit(count: int) -> None:
    debate = make_debate()
    spent = Decimal("123456.000001")
    row = UsageRow(debate.pk, "ada", "openai", "m", "c", 2**31 - 1, 0, spent, True, NOW)
    insert_rows(UsageRecord, UsageRow._fields, [row] * count)
    found = UsageRecord.objects.filter(debate=debate).values_list(*UsageRow._fields)
    assert [UsageRow(*one) for one in found] == [row] * count


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite knows neither lengths nor such documents"
)
def test_what_is_too_long_is_refused_and_never_cut() -> None:
    debate = make_debate()
    rows = [EventRow(debate.pk, n, "vote", None, "a" * 1000, {}, NOW) for n in range(40)]
    assert len(rows) * len(EventRow._fields) > bulk.MANY_PARAMETERS
    with pytest.raises(DataError), transaction.atomic():
        insert_rows(DebateEvent, EventRow._fields, rows)
    assert json.loads(bulk._document(bulk._plan(DebateEvent, EventRow._fields, "default"), rows))
