"""Cancelled while the models hang, wherever from: within a second nothing is asked any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from debates.choices import DebateStatus
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.models import Debate, Turn, UsageRecord
from debates.services.control import OPERATOR, cancel_debate
from tests.faults.conftest import PANEL, Serve
from tests.support.debating import PATIENCE_SECONDS, assert_whole
from tests.support.followers import Crowd, assert_complete, start_debate
from tests.support.processes import Server

pytestmark = [pytest.mark.faults, pytest.mark.alone]

WITHIN_SECONDS = 1.0
"""From the answer to the cancellation until no connection to a model is open."""


def over_http(server: Server, debate_id: str) -> None:
    url = f"{server.url}/api/v1/debates/{debate_id}/cancel"
    assert httpx.post(url, timeout=PATIENCE_SECONDS).status_code == 200


def at_the_server(serve: Serve, server: Server, debate_id: str) -> Callable[[], object]:
    return partial(over_http, server, debate_id)


def at_another_server(serve: Serve, server: Server, debate_id: str) -> Callable[[], object]:
    other = serve("other", ARAGORA_SECRET_KEY=server.env.get("ARAGORA_SECRET_KEY", "any other"))
    return partial(over_http, other, debate_id)


def from_a_process_that_serves_nothing(
    serve: Serve, server: Server, debate_id: str
) -> Callable[[], object]:
    debate = Debate.objects.get(pk=debate_id)
    return partial(cancel_debate, debate_id=debate.pk, actor=OPERATOR)


@pytest.mark.parametrize(
    "where", [at_the_server, at_another_server, from_a_process_that_serves_nothing]
)
def test_cancelled(
    where: Callable[[Serve, Server, str], Callable[[], object]],
    serve: Serve,
    models: ModelServer,
    crowd: Crowd,
) -> None:
    server = serve()
    models.script(*[Behaviour(fault=Fault.HOLD)] * len(PANEL))
    debate_id = start_debate(server, agents=PANEL)
    followers = crowd.follow(debate_id, [server], count=1)
    cancel = where(serve, server, debate_id)
    under_way = list(models.wait_for_requests(len(PANEL)))
    assert all(seen.started.wait(PATIENCE_SECONDS) for seen in under_way)
    assert not any(seen.disconnected.is_set() for seen in under_way)

    cancel()
    deadline = time.monotonic() + WITHIN_SECONDS
    for seen in under_way:
        assert seen.disconnected.wait(max(0.0, deadline - time.monotonic()))
        assert not seen.finished.is_set()

    crowd.wait_for_the_end()
    estimated = UsageRecord.objects.filter(debate_id=debate_id, estimated=True)
    crowd.wait_until(lambda: estimated.count() == len(PANEL), what="what was cut off")
    assert all(record.input_tokens and record.output_tokens for record in estimated)
    assert {record.call for record in estimated} == {f"0:draft:{name}#cut" for name in PANEL}
    assert_complete(followers, server)
    debate = Debate.objects.get(pk=debate_id)
    assert_whole(debate)
    assert debate.status == DebateStatus.CANCELLED
    assert not Turn.objects.filter(debate_id=debate_id).exists()

    # A debate later, no model has been asked anything more for the one that is over.
    later = start_debate(server, "And a bridge?", agents=PANEL)
    crowd.follow(later, [server], count=1)
    crowd.wait_for_the_end()
    assert len(models.seen) == len(PANEL) + Turn.objects.filter(debate_id=later).count()
    assert_whole(debate)
