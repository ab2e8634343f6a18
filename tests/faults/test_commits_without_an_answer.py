"""The connection to the database is cut in the very moment of a commit: what a debate wrote is
written once, whether the database had heard it or not, and no model is asked twice."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest

from tests.support.cutting import Cut, way_to
from tests.support.roles import APP, as_role
from tests.support.sites import TURNS, Site, site_on_postgres, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

DEBATES = 2
AWAY_SECONDS = 6.0
"""Longer than five tries: three seconds between them, and half a second for a connection each."""


@pytest.mark.parametrize("cut", [Cut.UNANSWERED, Cut.REFUSED])
def test_what_was_to_be_committed_is_written_once(
    tmp_path: Path, postgres_url: str, cut: Cut
) -> None:
    with (
        way_to(postgres_url) as way,
        site_on_postgres(tmp_path, postgres_url, DATABASE_URL=as_role(way.url, APP)) as site,
    ):
        site.models.options.latency = 0.1
        debates = [site.start_debate() for _ in range(DEBATES)]
        wait_until(lambda: all(site.debate(one)["status"] == "running" for one in debates))
        way.cut(cycle([cut, Cut.NONE, Cut.NONE]))
        for debate in debates:
            ended = site.wait_for_end(debate)
            assert ended["status"] == "completed", ended["failure"]
        assert cut in way.made
        assert_written_once(site)


def test_a_database_that_is_away_afterwards_is_asked_when_it_is_back(
    tmp_path: Path, postgres_url: str
) -> None:
    with (
        way_to(postgres_url) as way,
        site_on_postgres(
            tmp_path,
            postgres_url,
            DATABASE_URL=as_role(way.url, APP),
            ARAGORA_DB_POOL_TIMEOUT="0.5",
        ) as site,
    ):
        site.models.options.latency = 0.1
        debates = [site.start_debate() for _ in range(DEBATES)]
        wait_until(lambda: all(site.debate(one)["status"] == "running" for one in debates))
        way.cut(iter([Cut.UNANSWERED]), away_seconds=AWAY_SECONDS)
        running = "SELECT 1 FROM debates_debate WHERE status NOT IN ('completed', 'failed')"
        wait_until(lambda: not site.query(running))
        assert Cut.UNANSWERED in way.made
        assert {site.wait_for_end(debate)["status"] for debate in debates} == {"completed"}
        assert_written_once(site)


def assert_written_once(site: Site) -> None:
    site.assert_whole()
    assert site.finished_calls == len(site.models.seen) == DEBATES * TURNS
    for columns, table in (
        ("debate_id, type, data", "debates_debateevent"),
        ("debate_id, agent, call", "debates_usagerecord"),
    ):
        twice = f"SELECT {columns} FROM {table} GROUP BY {columns} HAVING COUNT(*) > 1"  # noqa: S608
        assert not site.query(twice)
    assert site.query("SELECT COUNT(*) FROM debates_usagerecord") == [(DEBATES * TURNS,)]
