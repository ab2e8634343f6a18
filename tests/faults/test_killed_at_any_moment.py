"""kill -9 wherever it falls, on either database: the debate ends as if nothing had happened."""

from __future__ import annotations

import pytest

from tests.support.sites import MODELS, TURNS, Site

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("before", [0, 3, 9], ids=["draft", "exchange", "vote"])
def test_in_a_phase_of_which_one_turn_is_over(site: Site, before: int) -> None:
    site.hold(MODELS[1:], after=before)
    debate_id = site.start_debate()
    site.wait_for_turns(before + 1)
    held = site.wait_for_held(2)
    site.kill()
    assert site.turns() == site.finished_calls == before + 1
    site.server.start()

    debate = site.wait_for_end(debate_id)
    assert debate["status"] == "completed"
    assert debate["consensus_reached"]
    # What was finished is not asked again; what was held is.
    assert site.turns() == site.finished_calls == TURNS
    assert len(site.models.seen) == TURNS + len(held)
    site.assert_whole()


def test_before_anything_was_heard(site: Site) -> None:
    site.hold(MODELS * 2)
    debates = [site.start_debate() for _ in range(2)]
    site.wait_for_held(6)
    site.kill()
    site.server.start()
    for debate_id in debates:
        assert site.wait_for_end(debate_id)["status"] == "completed"
    assert site.turns() == site.finished_calls == 2 * TURNS
    site.assert_whole()


def test_again_and_again_wherever_the_log_stands(site: Site) -> None:
    debate_id = site.start_debate()
    for seq in (3, 9, 17, 26):
        site.wait_for_seq(seq)
        site.kill()
        site.server.start()
    assert site.wait_for_end(debate_id)["status"] == "completed"
    assert site.turns() == TURNS
    site.assert_whole()
