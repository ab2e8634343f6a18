"""SIGTERM: turns that run may finish, and whoever comes next goes on with the debate."""

from __future__ import annotations

import signal

import httpx
import pytest

from tests.support.sites import MODELS, TURNS, Site, wait_until

pytestmark = pytest.mark.faults


def leave(site: Site) -> None:
    """Send SIGTERM; returns when the server says that it is going away, and still answers."""
    site.server.process.signal(signal.SIGTERM)
    wait_until(lambda: httpx.get(f"{site.server.url}/readyz").status_code == 503)


def test_running_turns_finish_and_the_debate_is_handed_back(site: Site) -> None:
    site.hold(MODELS)
    debate_id = site.start_debate()
    site.wait_for_held(3)
    leave(site)
    assert "The agents of 1 debate have" in site.server.process.output
    assert site.debate(debate_id)["status"] == "running"
    site.models.release()
    assert site.server.process.child.wait(20) == 0
    site.server.process.wait_for_line("Stopped.")

    assert site.turns() == 3
    state = "SELECT status, attempts, lease_holder FROM debates_debate"
    assert site.query(state) == [("pending", 0, "")]
    site.server.start()
    assert site.wait_for_end(debate_id)["status"] == "completed"
    assert len(site.models.seen) == site.finished_calls == TURNS
    site.assert_whole()


def test_a_second_signal_does_not_wait(site: Site) -> None:
    site.hold(MODELS)
    debate_id = site.start_debate()
    held = site.wait_for_held(3)
    leave(site)
    site.server.process.signal(signal.SIGTERM)
    site.server.process.child.wait(10)
    assert all(seen.disconnected.wait(10) for seen in held)
    site.server.process.wait_for_line("Stopped.")
    assert "Traceback" not in site.server.process.output
    site.server.start()
    assert site.wait_for_end(debate_id)["status"] == "completed"
    assert site.turns() == site.finished_calls == TURNS
    site.assert_whole()
