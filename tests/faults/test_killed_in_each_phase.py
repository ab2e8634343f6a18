"""kill -9 in the middle of any phase: the next process ends the debate as if nothing had been."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

import httpx
import pytest

from debates.choices import DebateStatus, EventType
from debates.engine.hearing import HEARING
from debates.engine.types import Phase, ProtocolName
from debates.mock_llm.server import Behaviour, Fault, ModelServer, Seen
from debates.models import Debate, DebateEvent, Suggestion, Turn, UsageRecord
from tests.faults.conftest import PANEL, Serve
from tests.support.debating import PATIENCE_SECONDS, assert_whole
from tests.support.followers import Crowd, assert_complete, start_debate
from tests.support.processes import Server

pytestmark = pytest.mark.faults

SAID = "It must not cost more than a bus."
HELD = PANEL[1:]
"""Those whose answers are held; the first of the panel is heard."""
SAID_BY = {
    Phase.DRAFT: EventType.PROPOSE,
    Phase.EXCHANGE: EventType.REVISION,
    Phase.CRITIQUE: EventType.CRITIQUE,
    Phase.REVISE: EventType.REVISION,
    Phase.VOTE: EventType.VOTE,
}
"""The event that a turn of a phase makes, one a turn."""


class Call(NamedTuple):
    """What a turn was for."""

    round: int
    phase: str
    agent: str
    part: str


def begin(server: Server, protocol: ProtocolName) -> str:
    """A debate whose first exchange is to be shown a person's words."""
    debate_id = start_debate(server, agents=PANEL, protocol=protocol, seed=11, autostart=False)
    address = f"{server.url}/api/v1/debates/{debate_id}"
    words = {"type": "constraint", "content": SAID}
    httpx.post(f"{address}/intervene", json=words, timeout=30).raise_for_status()
    httpx.post(f"{address}/start", timeout=30).raise_for_status()
    return debate_id


def calls_of(debate_id: str) -> list[Call]:
    """Those whose turns are stored, in the order of finishing."""
    turns = Turn.objects.filter(debate_id=debate_id).order_by("index")
    return [Call(*row) for row in turns.values_list(*Call._fields)]


def questions(models: ModelServer) -> Counter[str]:
    """What the models were asked, word for word, and how often."""
    return Counter(json.dumps(request.body, sort_keys=True) for request in models.requests)


def unfinished(models: ModelServer) -> list[Seen]:
    return [seen for seen in models.seen if not seen.finished.is_set()]


def told(debate_id: str) -> Counter[str]:
    """What kinds of events the log holds, and how many of each."""
    events = DebateEvent.objects.filter(debate_id=debate_id)
    return Counter(events.values_list("type", flat=True))


def outcome(debate_id: str) -> dict[str, Any]:
    debate = Debate.objects.select_related("verdict").get(pk=debate_id)
    assert (debate.status, debate.failure) == (DebateStatus.COMPLETED, "")
    verdict = debate.verdict
    return {
        "stop_reason": debate.stop_reason,
        "rounds": debate.round,
        "answer": verdict.answer,
        "winners": verdict.winners,
        "confidence": verdict.confidence,
        "agreement": verdict.agreement,
        "hollow": verdict.hollow,
        "explanation": verdict.explanation,
        "detail": verdict.detail,
        "ballots": list(debate.ballots.order_by("voter").values_list("voter", "ranking")),
    }


@pytest.mark.parametrize(
    ("protocol", "phase"),
    [
        (ProtocolName.ADAPTIVE, Phase.DRAFT),
        (ProtocolName.ADAPTIVE, Phase.EXCHANGE),
        (ProtocolName.ADAPTIVE, Phase.VOTE),
        (ProtocolName.CLASSIC, Phase.CRITIQUE),
        (ProtocolName.CLASSIC, Phase.REVISE),
    ],
)
def test_killed_in(
    protocol: ProtocolName, phase: Phase, serve: Serve, models: ModelServer, crowd: Crowd
) -> None:
    server = serve()
    undisturbed = begin(server, protocol)
    crowd.follow(undisturbed, [server], count=1)
    crowd.wait_for_the_end()
    calls, asked = calls_of(undisturbed), questions(models)
    assert set(asked.values()) == {1}
    assert asked.total() == len(calls)
    hearing = [call for call in calls if call.round == 1 and Phase(call.phase) in HEARING]
    assert sum(SAID in question for question in asked) == len(hearing) > 0
    first = min(call.round for call in calls if call.phase == phase)
    of_phase = {call for call in calls if (call.round, call.phase) == (first, phase)}
    before = calls[: min(calls.index(call) for call in of_phase)]

    models.reset()
    for model in HELD:
        earlier = [Behaviour(model=model) for call in before if call.agent == model]
        models.script(*earlier, Behaviour(model=model, fault=Fault.HOLD))
    debate_id = begin(server, protocol)
    [follower] = crowd.follow(debate_id, [server], count=1)
    stored = len(of_phase) - len(HELD)
    assert stored >= 1
    crowd.wait_until(
        lambda: [event.type for event in follower.events].count(SAID_BY[phase]) == stored,
        what="the turns that are not held",
    )
    models.wait_for_requests(len(before) + len(of_phase))
    crowd.wait_until(lambda: len(unfinished(models)) == len(HELD), what="answers to be held")
    under_way = unfinished(models)
    assert all(seen.started.wait(PATIENCE_SECONDS) for seen in under_way)
    server.process.kill()

    assert all(seen.disconnected.wait(PATIENCE_SECONDS) for seen in under_way)
    repeated = Counter(json.dumps(one.request.body, sort_keys=True) for one in under_way)
    debate = Debate.objects.get(pk=debate_id)
    assert (debate.status, debate.phase, debate.round) == (DebateStatus.RUNNING, phase, first)
    survived = list(Turn.objects.filter(debate_id=debate_id).order_by("index").values())
    assert len(survived) == len(before) + stored
    models.release()
    server.start()
    crowd.wait_for_the_end()

    assert_complete([follower], server)
    assert_whole(debate)
    assert sorted(calls_of(debate_id)) == sorted(calls)
    turns = list(Turn.objects.filter(debate_id=debate_id).order_by("index").values())
    assert turns[: len(survived)] == survived
    assert questions(models) == asked + repeated
    assert outcome(debate_id) == outcome(undisturbed)
    assert Suggestion.objects.get(debate_id=debate_id).offered_in_round == 1
    # Each finished call is paid once; nobody is left to tell what those under way had used.
    paid = UsageRecord.objects.filter(debate_id=debate_id).values_list("call", flat=True)
    assert len(set(paid)) == len(paid) == len(calls)
    told_twice = Counter([EventType.DEBATE_QUEUED, EventType.DEBATE_RESUMED])
    assert told(debate_id) == told(undisturbed) + told_twice
