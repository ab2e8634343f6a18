"""Workers that die, freeze, leave or race: every debate ends, and every turn is there once."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Postgres, Process, postgres_server
from tests.support.sites import MODELS, TURNS, wait_until
from tests.support.workers import LEASE_SECONDS, Workshop, workshop_on

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

PHASES = {"draft": 0, "exchange": 3, "vote": 9}
"""How many turns are over when the first of the phase begins."""
DEBATES = 8
OUTAGE_SECONDS = 1.5


@pytest.fixture
def workshop(tmp_path: Path, postgres_url: str) -> Iterator[Workshop]:
    with workshop_on(tmp_path, postgres_url) as found:
        yield found


@pytest.mark.parametrize("phase", PHASES)
def test_killed_in(phase: str, workshop: Workshop) -> None:
    site = workshop.site
    site.hold(MODELS, after=PHASES[phase])
    with workshop.worker() as one, workshop.worker() as other:
        debate_id = site.start_debate()
        held = site.wait_for_held(3)
        assert site.query("SELECT phase FROM debates_debate") == [(phase,)]
        workshop.holder(one, other).kill()
        assert all(seen.disconnected.wait(10) for seen in held)
        site.models.release()
        workshop.assert_paid_once(debate_id, repeated=3)
    assert workshop.health() == (200, "healthy")


def test_frozen_taken_over_and_thawed(workshop: Workshop) -> None:
    site = workshop.site
    site.hold(MODELS)
    with workshop.worker() as one, workshop.worker() as other:
        debate_id = site.start_debate()
        site.wait_for_held(3)
        frozen = workshop.holder(one, other)
        frozen.signal(signal.SIGSTOP)
        wait_until(lambda: site.query("SELECT fence FROM debates_debate WHERE fence > 2"))
        site.models.release()
        workshop.assert_paid_once(debate_id, repeated=3)
        log = "SELECT seq, type, data::text FROM debates_debateevent ORDER BY seq"
        turns = 'SELECT "index", text, fence FROM debates_turn, debates_debate ORDER BY 1'
        before = site.query(log), site.query(turns)

        frozen.signal(signal.SIGCONT)
        # What it was told meanwhile cost money, which is counted; it is no turn.
        used = "SELECT COUNT(*) FROM debates_usagerecord"
        wait_until(lambda: site.query(used) == [(TURNS + 3,)])
        assert (site.query(log), site.query(turns)) == before
        site.assert_whole()

        (one if frozen is other else other).stop()
        again = site.start_debate()
        assert site.wait_for_end(again)["status"] == "completed", "it works on"
        site.assert_whole()


def test_a_grace_too_short_hands_the_debate_back(workshop: Workshop) -> None:
    site = workshop.site
    site.hold(MODELS)
    with workshop.worker(ARAGORA_DRAIN_SECONDS="0.2") as leaving:
        debate_id = site.start_debate()
        held = site.wait_for_held(3)
        leaving.signal(signal.SIGTERM)
        assert leaving.child.wait(10) == 0
    assert all(seen.disconnected.wait(10) for seen in held)
    state = "SELECT status, attempts, lease_holder FROM debates_debate"
    assert site.query(state) == [("pending", 0, "")]
    assert site.query("SELECT status::text FROM procrastinate_jobs") == [("todo",)]
    cut = "SELECT COUNT(*) FROM debates_usagerecord WHERE estimated AND call LIKE '%#cut'"
    assert site.query(cut) == [(3,)]
    site.models.release()
    with workshop.worker():
        workshop.assert_paid_once(debate_id, repeated=3)


def test_workers_and_a_server_race(tmp_path: Path, postgres_url: str) -> None:
    with workshop_on(tmp_path, postgres_url, ARAGORA_SERVER_RUNS_DEBATES="true") as workshop:
        site = workshop.site
        site.models.options.latency = 0.05
        with workshop.worker() as one, workshop.worker() as other:
            debates = [site.start_debate() for _ in range(DEBATES)]
            for debate_id in debates:
                assert site.wait_for_end(debate_id)["status"] == "completed"
            site.assert_whole()
            fences = site.query("SELECT fence FROM debates_debate")
            assert fences == [(1,)] * DEBATES, "each was claimed once"
            assert len(site.models.seen) == site.turns() == DEBATES * TURNS
            ended = [ended_by(process) for process in (one, other, site.server.process)]
            assert Counter(debate for part in ended for debate in part) == Counter(debates)


def test_the_database_restarts_under_load(tmp_path: Path) -> None:
    with (
        postgres_server() as database,
        workshop_on(tmp_path, database.url, ARAGORA_DB_POOL_TIMEOUT="1") as workshop,
        workshop.worker(),
        workshop.worker(),
    ):
        site = workshop.site
        site.models.options.latency = 0.2
        for _ in range(DEBATES):
            site.start_debate()
        site.wait_for_turns(DEBATES)
        restart(database, workshop)
        over = "SELECT COUNT(*) FROM debates_debate WHERE status = 'completed'"
        wait_until(lambda: site.query(over) == [(DEBATES,)])
        site.assert_whole()
        assert site.turns() == DEBATES * TURNS
        paid = site.query("SELECT debate_id, call FROM debates_usagerecord WHERE NOT estimated")
        assert len(set(paid)) == len(paid)
        wait_until(lambda: workshop.health() == (200, "healthy"))
        alive = (
            "SELECT COUNT(*) FROM procrastinate_workers "  # noqa: S608
            f"WHERE last_heartbeat > now() - interval '{LEASE_SECONDS} seconds'"
        )
        wait_until(lambda: site.query(alive) == [(2,)])


def restart(database: Postgres, workshop: Workshop) -> None:
    database.stop()
    wait_until(lambda: workshop.health() == (503, "unhealthy"))
    time.sleep(OUTAGE_SECONDS)  # It is the length of the outage that is tried here.
    database.start()


def ended_by(process: Process) -> list[str]:
    """The debates that this process says it has brought to an end."""
    told = [json.loads(line) for line in process.lines if line.startswith("{")]
    return [line["debate_id"] for line in told if line["event"] == "debate_ended"]
