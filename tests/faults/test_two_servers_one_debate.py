"""Two servers on one database race for what is queued: each debate has one owner."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest

from debates.choices import DebateStatus, EventType
from debates.mock_llm.server import ModelServer
from debates.models import Debate, DebateEvent, Turn
from tests.faults.conftest import PANEL, Serve
from tests.support.debating import assert_whole
from tests.support.followers import Crowd, assert_complete, start_debate
from tests.support.processes import Server

pytestmark = pytest.mark.faults

DEBATES = 12
SECRET_KEY = "the same on every instance of a site, as the guide says"


def ended_by(server: Server) -> set[str]:
    """The debates that this server says it has brought to an end."""
    told = [json.loads(line) for line in server.process.lines if line.startswith("{")]
    return {line["debate_id"] for line in told if line["event"] == "debate_ended"}


def test_every_debate_has_one_owner(serve: Serve, models: ModelServer, crowd: Crowd) -> None:
    models.options.latency = 0.05
    servers = [
        serve(name, ARAGORA_SECRET_KEY=SECRET_KEY, ARAGORA_MAX_CONCURRENT_DEBATES="2")
        for name in ("one", "two")
    ]
    with ThreadPoolExecutor(4) as callers:
        asked = [
            callers.submit(start_debate, server, agents=PANEL)
            for _, server in zip(range(DEBATES), cycle(servers), strict=False)
        ]
        debates = [one.result() for one in asked]
    followers = [crowd.follow(debate, servers, count=1)[0] for debate in debates]
    crowd.wait_for_the_end()

    assert_complete(followers, servers[0])
    for debate_id in debates:
        debate = Debate.objects.get(pk=debate_id)
        assert debate.status == DebateStatus.COMPLETED
        assert_whole(debate)
        events = DebateEvent.objects.filter(debate=debate)
        assert events.filter(type=EventType.DEBATE_START).count() == 1
        assert not events.filter(type=EventType.DEBATE_RESUMED).exists()
        assert debate.fence == 1, "it was claimed once"
    # No model was asked for a turn that another server has made.
    assert len(models.requests) == Turn.objects.filter(debate_id__in=debates).count()
    first, second = map(ended_by, servers)
    assert first, "both took part"
    assert second, "both took part"
    assert not first & second
    assert first | second == set(debates)
