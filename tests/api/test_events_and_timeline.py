"""The event log, asked for in parts: in order, each once, without a gap."""

from typing import Any

import pytest

from debates.models import Debate
from debates.streaming.envelope import frame_of_event
from debates.streaming.events import Envelope
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def debate() -> Debate:
    """A debate with seven events."""
    made = factories.make_debate()
    factories.make_event(made)
    for number in range(6):
        factories.make_proposal(made, f"agent-{number}")
    return made


def events(api: Api, debate: Debate, **params: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1/debates/{debate.pk}/events", params)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    assert set(told) == {"events", "next_seq", "epoch"}
    assert told["epoch"] == str(debate.epoch)
    return told


def test_all_of_them_are_envelopes(anybody: Api, debate: Debate) -> None:
    told = events(anybody, debate)
    assert [event["seq"] for event in told["events"]] == [1, 2, 3, 4, 5, 6, 7]
    assert told["next_seq"] == 7
    for event in told["events"]:
        assert set(event) == set(Envelope.__annotations__)
        assert event["debate_id"] == event["loop_id"] == str(debate.pk)


def test_they_are_the_very_text_of_the_stream(anybody: Api, debate: Debate) -> None:
    body = anybody.get(f"/api/v1/debates/{debate.pk}/events").content.decode()
    for row in debate.events.order_by("seq"):
        assert frame_of_event(row).text(str(debate.epoch)) in body


def test_next_seq_leads_through_all_of_them_once(anybody: Api, debate: Debate) -> None:
    since, numbers = 0, []
    while found := (page := events(anybody, debate, since=since, limit=3))["events"]:
        numbers += [event["seq"] for event in found]
        since = page["next_seq"]
    assert numbers == [1, 2, 3, 4, 5, 6, 7]


def test_nothing_new_gives_the_same_place_back(anybody: Api, debate: Debate) -> None:
    assert events(anybody, debate, since=7) == {
        "events": [],
        "next_seq": 7,
        "epoch": str(debate.epoch),
    }
    factories.make_proposal(debate)
    assert [event["seq"] for event in events(anybody, debate, since=7)["events"]] == [8]


def test_a_place_beyond_the_log_is_brought_back(anybody: Api, debate: Debate) -> None:
    assert events(anybody, debate, since=99)["next_seq"] == 7


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 501}, {"since": -1}, {"since": "x"}, {"since": 10**30}]
)
def test_wrong_places(anybody: Api, debate: Debate, params: dict[str, Any]) -> None:
    answer = anybody.get(f"/api/v1/debates/{debate.pk}/events", params)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] in params


def test_the_timeline_leaves_the_words_out(anybody: Api, debate: Debate) -> None:
    told = anybody.get(f"/api/v1/debates/{debate.pk}/timeline", {"limit": 2}).json()
    assert [entry["type"] for entry in told["timeline"]] == ["debate_queued", "propose"]
    assert set(told["timeline"][0]) == {"seq", "type", "timestamp", "round", "agent"}
    assert told["next_seq"] == 2
