"""What costs nothing: the estimate before a debate, and another rule after it."""

from typing import Any

import pytest

from debates.choices import DebateStatus
from debates.engine.codec import encode_reply
from debates.engine.types import DecisionMode, Position
from debates.models import Debate, UsageRecord
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def estimate(api: Api, **params: Any) -> dict[str, Any]:
    answer = api.get("/api/v1/debates/estimate-cost", params)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_extractive_agents_cost_nothing(anybody: Api, panel: Any) -> None:
    told = estimate(anybody)
    assert (told["num_agents"], told["num_rounds"]) == (3, 3)
    assert 0 < told["calls_low"] <= told["calls_high"]
    assert told["tokens_low"] == told["tokens_high"] == 0
    assert told["cost_low_usd"] == told["cost_high_usd"] == 0
    assert [seat["agent"] for seat in told["by_agent"]] == ["ada", "ben", "cleo"]


def test_more_rounds_and_seats_cost_more(anybody: Api) -> None:
    for name in ("gpt", "opus"):
        factories.make_model_agent(name, model=f"{name}-model")
    small = estimate(anybody, num_agents=2, num_rounds=1)
    assert 0 < small["tokens_low"] < small["tokens_high"]
    assert 0 < small["cost_low_usd"] < small["cost_high_usd"]
    assert small["total_estimated_cost_usd"] == small["cost_high_usd"]
    assert estimate(anybody, num_agents=2, num_rounds=9)["cost_high_usd"] > small["cost_high_usd"]
    crowd = estimate(anybody, num_agents=8, num_rounds=1, model_types="gpt,opus-model")
    assert [seat["agent"] for seat in crowd["by_agent"]] == ["gpt", "opus"] * 4
    seats = sum(seat["cost_high_usd"] for seat in crowd["by_agent"])
    assert seats == pytest.approx(crowd["cost_high_usd"])


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"num_agents": 1}, "num_agents"),
        ({"num_agents": 51}, "num_agents"),
        ({"num_rounds": 13}, "num_rounds"),
        ({"model_types": "nobody"}, "model_types"),
        ({"num_agents": "few"}, "num_agents"),
    ],
)
def test_wrong_sizes(anybody: Api, panel: Any, params: dict[str, Any], field: str) -> None:
    answer = anybody.get("/api/v1/debates/estimate-cost", params)
    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == [field]


@pytest.fixture
def split() -> Debate:
    """ada and ben say Yes, cleo says No; the debate ended with that."""
    debate = factories.make_debate(status=DebateStatus.COMPLETED, stop_reason="rounds", phase="")
    for agent, answer in (("ada", "Yes"), ("ben", "Yes"), ("cleo", "No")):
        position = Position(answer, "It follows from the figures.", 0.7)
        factories.make_turn(debate, agent, reply=encode_reply(position), text=answer)
    return debate


def decide(api: Api, debate: Debate, mode: str) -> Any:
    return api.post(f"/api/v1/debates/{debate.pk}/decide", {"mode": mode})


def test_another_rule_may_give_another_outcome(anybody: Api, split: Debate) -> None:
    majority = decide(anybody, split, "majority").json()
    assert (majority["reached"], majority["final_answer"]) == (True, "Yes")
    assert majority["supporting_agents"] == ["ada", "ben"]
    assert majority["dissenting_agents"] == ["cleo"]
    assert (majority["method"], majority["model_calls"]) == ("majority", 0)

    unanimity = decide(anybody, split, "unanimous").json()
    assert (unanimity["reached"], unanimity["final_answer"]) == (False, None)
    assert unanimity["explanation"]


@pytest.mark.parametrize("mode", list(DecisionMode))
def test_every_rule_decides_a_stored_transcript(
    anybody: Api, split: Debate, mode: DecisionMode
) -> None:
    answer = decide(anybody, split, mode)
    assert answer.status_code == 200, answer.content
    assert answer.json()["mode"] == mode
    assert answer.json() == decide(anybody, split, mode).json()


def test_nothing_is_changed_by_it(anybody: Api, split: Debate) -> None:
    before = Debate.objects.filter(pk=split.pk).values().get()
    decide(anybody, split, "unanimity")
    assert Debate.objects.filter(pk=split.pk).values().get() == before
    assert not split.events.exists()
    assert not UsageRecord.objects.exists()


def test_a_debate_that_goes_on_is_not_decided_again(anybody: Api) -> None:
    answer = decide(anybody, factories.make_debate(status=DebateStatus.RUNNING), "majority")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")


def test_silence_cannot_be_decided(anybody: Api) -> None:
    debate = factories.make_debate(status=DebateStatus.CANCELLED)
    factories.make_turn(debate, failure_code="timed_out", text="", reply=None)
    assert decide(anybody, debate, "majority").status_code == 409


@pytest.mark.parametrize("body", [{}, {"mode": "coin"}, {"mode": 3}, None])
def test_an_unknown_rule(anybody: Api, split: Debate, body: Any) -> None:
    answer = anybody.post(f"/api/v1/debates/{split.pk}/decide", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_input"
