"""Another process goes on with what one has left, and steers what another one runs."""

from __future__ import annotations

import pytest

from tests.support.sites import MODELS, TURNS, Site, wait_until

pytestmark = pytest.mark.faults


def test_the_living_take_over_from_the_dead_at_once(site: Site) -> None:
    site.hold(MODELS)
    debate_id = site.start_debate()
    site.wait_for_held(3)
    with site.another_server() as other:
        site.kill()
        # A lease lasts as long as a test waits; the other one sees that its holder is gone.
        assert other.wait_for_end(debate_id)["status"] == "completed"
        site.assert_whole()


def test_paused_and_resumed_from_another_process(site: Site) -> None:
    site.hold(MODELS)
    debate_id = site.start_debate()
    site.wait_for_held(3)
    with site.another_server() as other:
        other.steer(debate_id, "pause")
        site.models.release()
        site.wait_for_turns(3)
        paused = "SELECT status, lease_holder FROM debates_debate"
        wait_until(lambda: site.query(paused) == [("paused", "")])
        other.steer(debate_id, "resume")
        assert other.wait_for_end(debate_id)["status"] == "completed"
    assert len(site.models.seen) == site.finished_calls == TURNS
    site.assert_whole()


def test_killed_while_paused_and_resumed_later(site: Site) -> None:
    site.hold(MODELS[2:])
    debate_id = site.start_debate()
    site.wait_for_turns(2)
    site.wait_for_held(1)
    site.steer(debate_id, "pause")
    site.kill()
    site.server.start()
    assert site.debate(debate_id)["status"] == "paused"
    site.steer(debate_id, "resume")
    debate = site.wait_for_end(debate_id)
    assert debate["status"] == "completed", debate["failure"]
    assert site.turns() == site.finished_calls == TURNS
    assert len(site.models.seen) == TURNS + 1
    site.assert_whole()
