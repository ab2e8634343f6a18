"""The audience's votes are told with the verdict, and change nothing about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import EventType
from debates.engine import codec
from debates.engine.positions import candidate_id
from debates.mock_llm.server import Behaviour, Fault, ModelServer
from debates.models import Debate, DebateEvent
from debates.selectors import debate_snapshot
from debates.services import audience
from tests.support.audience import START, person, visitor
from tests.support.debating import MODELS, Ears, Worker, assert_whole, ears, model_debate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Ears]:
    with ears() as listening:
        yield listening


def cast(debate: Debate, who: str, choice: str, intensity: int) -> None:
    audience.cast_vote(
        debate_id=debate.pk,
        person=visitor(who, source=""),
        choice=choice,
        intensity=intensity,
        now=START,
    )


def test_votes_stand_beside_the_verdict_and_weigh_nothing(
    heard: Ears, model_server: ModelServer, alice: User
) -> None:
    """The panel says Yes by two to one; the audience says No by three to one."""
    debate = model_debate(model_server, owner=alice)
    hold = Behaviour(fault=Fault.HOLD, model=MODELS["cleo"])
    model_server.script(Behaviour(model=MODELS["cleo"]), hold)
    with Worker():
        heard.wait_for_event(debate.pk, EventType.REVISION, 2)
        for who, intensity in (("v1", 10), ("v2", 9), ("v3", 5)):
            cast(debate, who, "No", intensity)
        cast(debate, "v3", "Yes", 1)
        cast(debate, "v3", "No", 8)
        audience.cast_vote(
            debate_id=debate.pk, person=person(alice), choice="Yes", intensity=2, now=START
        )
        model_server.release()
        debate = heard.wait_for_end(debate.pk)

    assert (debate.verdict.reached, debate.verdict.answer) == (True, "Yes")
    told = {
        "weight": 0.0,
        "voters": 4,
        "candidates": [
            {
                "candidate": candidate_id("No"),
                "answer": "No",
                "votes": 3,
                "mean_intensity": 9.0,
                "stands": True,
            },
            {
                "candidate": candidate_id("Yes"),
                "answer": "Yes",
                "votes": 1,
                "mean_intensity": 2.0,
                "stands": True,
            },
        ],
    }
    assert debate.verdict.detail["audience"] == told
    event = DebateEvent.objects.get(debate=debate, type=EventType.CONSENSUS)
    assert event.data["verdict"]["audience"] == told
    decided = codec.decode_verdict(debate.verdict.detail)
    assert decided.answer == "Yes"
    assert sum(decided.tally.values()) == 3
    tally = debate_snapshot(debate)["transcript"]["audience"]
    assert [(row["votes"], row["mean_intensity"]) for row in tally["candidates"]] == [
        (3, 9.0),
        (1, 2.0),
    ]
    consensus = Client().get(f"/api/v1/debates/{debate.pk}/consensus").json()
    assert consensus["verdict"]["audience"] == told
    assert_whole(debate)


def test_votes_for_what_the_panel_left_are_told_as_such(
    heard: Ears, model_server: ModelServer
) -> None:
    """ben leaves No in the first exchange, and nobody else holds it."""
    debate = model_debate(model_server, decision="majority")
    debate.panel = [spec for spec in debate.panel if spec["name"] != "cleo"]
    debate.save()
    hold = Behaviour(fault=Fault.HOLD, model=MODELS["ben"])
    model_server.script(Behaviour(model=MODELS["ben"]), hold)
    with Worker():
        heard.wait_for_event(debate.pk, EventType.REVISION, 1)
        cast(debate, "v1", "No", 6)
        model_server.release()
        debate = heard.wait_for_end(debate.pk)

    [told] = debate.verdict.detail["audience"]["candidates"]
    assert (told["answer"], told["votes"], told["stands"]) == ("No", 1, False)


def test_without_votes_there_is_nothing_to_tell(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    assert "audience" not in debate.verdict.detail
