"""A debate in which one process after the other dies is given up, and the server serves on."""

from __future__ import annotations

import pytest

from debates.choices import DebateStatus, EventType
from debates.engine.types import StopReason
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.models import Debate, DebateEvent, Turn
from debates.running.claims import MAX_ATTEMPTS
from tests.faults.conftest import PANEL, Serve
from tests.support.debating import PATIENCE_SECONDS, assert_whole
from tests.support.followers import Crowd, assert_complete, start_debate

pytestmark = pytest.mark.faults


def test_the_fifth_death_fails_the_debate(serve: Serve, models: ModelServer, crowd: Crowd) -> None:
    server = serve()
    models.script(*[Behaviour(fault=Fault.HOLD)] * (MAX_ATTEMPTS * len(PANEL)))
    debate_id = start_debate(server, agents=PANEL)
    followers = crowd.follow(debate_id, [server], count=1)
    for death in range(1, MAX_ATTEMPTS + 1):
        for seen in models.wait_for_requests(death * len(PANEL)):
            assert seen.started.wait(PATIENCE_SECONDS)
        server.process.kill()
        models.release()
        debate = Debate.objects.get(pk=debate_id)
        assert (debate.status, debate.attempts) == (DebateStatus.RUNNING, death - 1)
        server.start()
    crowd.wait_for_the_end()

    assert_complete(followers, server)
    assert_whole(debate)
    assert (debate.status, debate.stop_reason) == (DebateStatus.FAILED, StopReason.CRASHED)
    assert debate.attempts == MAX_ATTEMPTS
    assert f"{MAX_ATTEMPTS} workers" in debate.failure
    log = DebateEvent.objects.filter(debate_id=debate_id).order_by("seq")
    assert [event.type for event in log][-2:] == [EventType.DEBATE_FAILED, EventType.DEBATE_END]
    assert not Turn.objects.filter(debate_id=debate_id).exists()

    # The same process goes on with others, and asks nothing more for this one.
    models.reset()
    next_id = start_debate(server, "And a bridge?", agents=PANEL)
    crowd.follow(next_id, [server], count=1)
    crowd.wait_for_the_end()
    assert Debate.objects.get(pk=next_id).status == DebateStatus.COMPLETED
    assert len(models.requests) == Turn.objects.filter(debate_id=next_id).count()
