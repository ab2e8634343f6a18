"""Whoever asks for rows of tenants without saying for whom fails a test, by whatever way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from structlog.testing import capture_logs

from aragora_site.bulk import select_rows
from aragora_site.tenancy.scopes import UnscopedQuery, outside
from debates.choices import Visibility
from debates.models import Agent, Debate, DebateEvent, Turn
from debates.running.threads import DatabaseThreads
from debates.streaming.queries import run_query
from tests import factories


def _statement() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from debates_turn")


def _locked() -> Any:
    return select_rows(DebateEvent, ("seq",), {"round": 1}, order_by=("seq",))


QUERIES = {
    "manager": lambda debate: Debate.objects.count(),
    "related manager": lambda debate: debate.turns.count(),
    "reverse one-to-one": lambda debate: debate.verdict,
    "base manager": lambda debate: Turn._base_manager.count(),
    "reload": lambda debate: debate.refresh_from_db(),
    "save": lambda debate: debate.save(),
    "statement": lambda debate: _statement(),
    "rows without the ORM": lambda debate: _locked(),
    "join": lambda debate: list(User.objects.filter(debates__title="x")),
}


@pytest.mark.django_db
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_an_unscoped_query_is_an_error(query: Any) -> None:
    debate = factories.make_debate()
    with outside(), pytest.raises(UnscopedQuery):
        query(debate)


@pytest.mark.django_db
def test_what_tenants_share_needs_no_scope() -> None:
    factories.make_agent("ada")
    with outside():
        assert Agent.objects.get().name == "ada"


@pytest.mark.django_db(transaction=True)
async def test_the_threads_of_the_stream_and_of_workers_inherit_no_scope() -> None:
    threads = DatabaseThreads(1)
    try:
        for run in (run_query, threads.run):
            with pytest.raises(UnscopedQuery):
                await run(Debate.objects.count)
    finally:
        await asyncio.to_thread(threads.close)


@pytest.mark.django_db
def test_in_production_only_what_is_public_is_found_and_the_log_says_where(settings: Any) -> None:
    settings.TENANCY_STRICT = False
    factories.make_debate("Public?")
    factories.make_debate("Private?", owner=factories.make_user(), visibility=Visibility.PRIVATE)

    def look() -> list[str]:
        return [debate.question for debate in Debate.objects.all()]

    with outside(), capture_logs() as logs:
        assert [look() for _ in range(3)] == [["Public?"]] * 3
    assert {entry["event"] for entry in logs} == {"unscoped_query"}
    assert all("look" in entry["where"] for entry in logs)
    with outside(), capture_logs() as logs:
        look()
    # Once for each place in the code.
    assert len(logs) <= 2
