"""The connection to the database is cut in the very moment of a commit: what a debate wrote is
written once, whether the database had heard it or not, and no model is asked twice."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest

from tests.support.cutting import Cut, way_to
from tests.support.roles import APP, as_role
from tests.support.sites import TURNS, site_on_postgres, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

DEBATES = 2


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
        site.assert_whole()
        assert site.finished_calls == len(site.models.seen) == DEBATES * TURNS
        twice = site.query(
            "SELECT debate_id, type, data FROM debates_debateevent "
            "GROUP BY debate_id, type, data HAVING COUNT(*) > 1"
        )
        assert not twice
