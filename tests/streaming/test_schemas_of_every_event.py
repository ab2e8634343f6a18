"""Whatever becomes of a debate: each payload that is really sent is what its schema says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from debates.choices import DebateStatus, EventType
from debates.engine.types import DecisionMode, HeardAs, ProtocolName
from debates.mock_llm.answers import debate_answer
from debates.mock_llm.server import Behaviour, Fault, ModelServer, Options
from debates.mock_llm.wire import Answer, ModelRequest
from debates.models import Debate, DebateEvent, QuestionVector
from debates.services import audience, control
from debates.services.interventions import intervene
from debates.streaming.events import PAYLOADS, EphemeralType
from debates.visitors import Person
from tests.factories import make_user
from tests.support.debating import Ears, Worker, ears, model_debate, panel_of
from tests.support.schemas import faults
from tests.support.sites import wait_until

NOT_PRODUCED = {
    EventType.SYNTHESIS: "no protocol offers a synthesis yet",
}
"""Types of the contract that nothing sends so far, and why."""

FLIPPING = {"ada": "ada-large", "ben": "ben-sheep", "cleo": "cleo-contrary"}


def follow_the_crowd(request: ModelRequest) -> Answer:
    """As the model server answers by itself; but ben gives way to cleo, and cannot say why."""
    answer = debate_answer(request)
    if request.model != "ben-sheep" or (isinstance(answer, str) and "CHANGED:" not in answer):
        return answer
    flipped = debate_answer(replace(request, model="ben-contrary"))
    if isinstance(flipped, str):
        lines = flipped.splitlines()
        return "\n".join("FAULTY STEP: none" if "FAULTY" in line else line for line in lines)
    return flipped


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(Options(answer=follow_the_crowd)) as running:
        yield running


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Ears]:
    with ears() as listening:
        yield listening


def test_every_payload_of_every_kind_of_debate(heard: Ears, server: ModelServer) -> None:
    alice = make_user("alice")
    debates = [
        model_debate(server),
        model_debate(server, protocol=ProtocolName.CLASSIC, decision=DecisionMode.UNANIMITY),
        model_debate(server, decision=DecisionMode.PLURALITY, panel=panel_of(server, **FLIPPING)),
        model_debate(
            server, decision=DecisionMode.JUDGE, judge=panel_of(server, judge="judge-large")[0]
        ),
        model_debate(server, decision=DecisionMode.NONE),
    ]
    with Worker(limit=3):
        for debate in debates:
            assert heard.wait_for_end(debate.pk).status == DebateStatus.COMPLETED
        # What is told of a debate afterwards is there for those that begin then.
        wait_until(lambda: QuestionVector.objects.filter(debate__in=debates).exists())
        debates += [
            one_without_a_quorum(heard, server),
            one_that_is_steered(heard, server, alice),
            one_that_is_cancelled(heard, server),
        ]
    sent = [frame for debate in debates for frame in heard.of(debate.pk)]
    wrong = {
        f"{frame.type} {fault}"
        for frame in sent
        for fault in faults(dict(frame.data), PAYLOADS[frame.type])
    }
    assert not wrong
    logged = DebateEvent.objects.filter(debate__in=debates)
    assert {(str(row.debate_id), row.seq) for row in logged} == {
        (frame.debate_id, frame.seq) for frame in sent if frame.seq is not None
    }
    seen = {frame.type for frame in sent}
    assert set(EventType.values) - seen == set(NOT_PRODUCED)
    # Places in the queue are told by the hub, to those who follow.
    assert set(EphemeralType) - seen == {EphemeralType.QUEUE_POSITION}


def one_without_a_quorum(heard: Ears, server: ModelServer) -> Debate:
    server.script(*(Behaviour(status=400, model=model) for model in ("ada-large", "ben-small")))
    debate = model_debate(server)
    assert heard.wait_for_end(debate.pk).status == DebateStatus.FAILED
    return debate


def one_that_is_steered(heard: Ears, server: ModelServer, alice: User) -> Debate:
    """Voted on, spoken to, paused, resumed, and asked for its verdict."""
    server.script(Behaviour(fault=Fault.HOLD, model="cleo-contrary"))
    debate = model_debate(server)
    heard.wait_for_event(debate.pk, EventType.PROPOSE, 2)
    person, now = Person(f"user:{alice.pk}", alice), timezone.now()
    audience.cast_vote(debate_id=debate.pk, person=person, choice="Yes", intensity=7, now=now)
    audience.suggest(debate_id=debate.pk, person=person, text="Ask the neighbours.", now=now)
    for kind in (HeardAs.MESSAGE, HeardAs.CHALLENGE):
        intervene(debate_id=debate.pk, person=person, kind=kind, text="Who pays?", now=now)
    control.pause_debate(debate_id=debate.pk, actor=control.OPERATOR)
    server.release()
    heard.wait_for_event(debate.pk, EventType.PROPOSE, 3)
    heard.wait_for(lambda: not Debate.objects.get(pk=debate.pk).lease_holder)
    server.script(Behaviour(fault=Fault.HOLD, model="cleo-contrary"))
    control.resume_debate(debate_id=debate.pk, actor=control.OPERATOR)
    heard.wait_for_event(debate.pk, EventType.REVISION, 2)
    control.stop_debate(debate_id=debate.pk, actor=control.OPERATOR)
    server.release()
    assert heard.wait_for_end(debate.pk).status == DebateStatus.COMPLETED
    return debate


def one_that_is_cancelled(heard: Ears, server: ModelServer) -> Debate:
    server.script(Behaviour(fault=Fault.HOLD, model="cleo-contrary"))
    debate = model_debate(server)
    heard.wait_for_event(debate.pk, EventType.PROPOSE, 2)
    control.cancel_debate(debate_id=debate.pk, actor=control.OPERATOR)
    heard.wait_for_event(debate.pk, EventType.DEBATE_END)
    return debate
