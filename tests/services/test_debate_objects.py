"""What a client is told of a debate: every field of the contract, at every stage."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from debates import selectors
from debates.choices import DebateStatus
from debates.models import Debate
from tests.factories import make_debate, make_model_spec, make_round, make_user, make_verdict

pytestmark = pytest.mark.django_db

CONTRACT = {
    "id", "debate_id", "slug", "task", "status", "agents", "protocol", "rounds", "total_rounds",
    "rounds_used", "in_progress", "created_at", "started_at", "completed_at", "duration_seconds",
    "consensus", "consensus_reached", "confidence", "final_answer", "winner", "stop_reason",
    "dissenting_views", "usage", "metadata", "visibility",
}  # fmt: skip
CONSENSUS = {
    "reached", "agreement", "confidence", "final_answer", "conclusion", "supporting_agents",
    "dissenting_agents", "method",
}  # fmt: skip


@pytest.mark.parametrize("status", DebateStatus)
def test_every_field_of_the_contract_is_there_at_every_stage(status: DebateStatus) -> None:
    debate = make_debate(status=status)
    shown = selectors.debate_object(debate)
    assert shown.keys() >= CONTRACT
    assert shown["consensus"].keys() >= CONSENSUS
    assert shown["usage"].keys() >= {"tokens", "cost_usd"}
    assert shown["status"] == status
    assert shown["in_progress"] == (status in ("pending", "running", "paused"))


def test_before_there_is_a_verdict_nothing_is_reached() -> None:
    shown = selectors.debate_object(make_debate(decision="majority"))
    assert shown["consensus"] == {
        "reached": False,
        "agreement": None,
        "confidence": None,
        "final_answer": None,
        "conclusion": "",
        "explanation": "",
        "supporting_agents": [],
        "dissenting_agents": [],
        "method": "majority",
        "hollow": False,
    }
    assert (shown["winner"], shown["final_answer"], shown["completed_at"]) == (None, None, None)


def test_a_decided_debate() -> None:
    moment = datetime(2026, 3, 1, 12, 30, 5, 7, tzinfo=UTC)
    debate = make_debate(
        status=DebateStatus.COMPLETED,
        started_at=moment,
        completed_at=moment,
        active_seconds=12.5,
        stop_reason="stable",
        round=2,
        input_tokens=100,
        output_tokens=11,
        cost_usd=Decimal("0.001234"),
        budget_usd=Decimal("0.5"),
        metadata={"ticket": 7},
        tags=["town"],
    )
    make_round(debate, 0, started_at=moment, agreement=0.5)
    make_verdict(debate, "Yes", confidence=0.6, agreement=2 / 3, winners=["ben", "ada"])
    shown = selectors.debate_object(Debate.objects.get())
    assert shown["consensus"]["reached"] is shown["consensus_reached"] is True
    assert shown["final_answer"] == shown["consensus"]["conclusion"] == "Yes"
    assert (shown["winner"], shown["winners"]) == ("ada", ["ben", "ada"])
    assert shown["consensus"]["supporting_agents"] == ["ada", "ben"]
    assert shown["consensus"]["dissenting_agents"] == ["cleo"]
    assert shown["dissenting_views"] == [
        {"agent": "cleo", "answer": "No", "rationale": "Too dear."}
    ]
    assert shown["started_at"] == "2026-03-01T12:30:05.000007Z"
    assert (shown["rounds_used"], shown["total_rounds"], shown["duration_seconds"]) == (2, 3, 12.5)
    assert shown["rounds"] == [
        {
            "round_number": 0,
            "started_at": "2026-03-01T12:30:05.000007Z",
            "ended_at": None,
            "agreement": 0.5,
            "stability": None,
        }
    ]
    assert shown["usage"] == {
        "tokens": 111,
        "input_tokens": 100,
        "output_tokens": 11,
        "cost_usd": 0.001234,
        "cost_known": True,
    }
    assert shown["protocol"]["budget_usd"] == 0.5
    assert (shown["metadata"], shown["tags"]) == ({"ticket": 7}, ["town"])


def test_a_tie_is_told_as_one() -> None:
    debate = make_debate(status=DebateStatus.COMPLETED)
    make_verdict(debate, None, explanation="Two against two: a tie.")
    shown = selectors.debate_object(debate)
    assert (shown["consensus_reached"], shown["winner"], shown["final_answer"]) == (
        False,
        None,
        None,
    )
    assert shown["consensus"]["conclusion"] == "Two against two: a tie."


def test_a_failed_debate_says_why() -> None:
    debate = make_debate(status=DebateStatus.FAILED, failure="Only one agent was left.")
    shown = selectors.debate_object(debate)
    assert shown["failure"] == shown["consensus"]["conclusion"] == "Only one agent was left."


def test_where_agents_live_is_not_told() -> None:
    spec = make_model_spec(
        "ada", base_url="http://10.0.0.7/v1", api_key_variable="LUNA_API_KEY", persona="Secretive."
    )
    debate = make_debate(panel=[spec, make_model_spec("ben")], judge=spec, owner=make_user())
    shown = repr(selectors.debate_object(debate)) + repr(selectors.debate_snapshot(debate))
    for hidden in ("10.0.0.7", "LUNA_API_KEY", "Secretive", "alice"):
        assert hidden not in shown
