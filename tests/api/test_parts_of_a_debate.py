"""One debate, whole and in parts, while it runs and afterwards."""

from typing import Any

import pytest

from debates import selectors
from debates.api.paging import MAX_LIMIT
from debates.choices import DebateStatus, EventType
from debates.models import Debate
from debates.selectors.objects import ConsensusObject, DebateObject, ProtocolObject
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

CONTRACT = {
    "id",
    "debate_id",
    "slug",
    "task",
    "status",
    "agents",
    "protocol",
    "rounds",
    "total_rounds",
    "rounds_used",
    "in_progress",
    "created_at",
    "started_at",
    "completed_at",
    "duration_seconds",
    "consensus",
    "consensus_reached",
    "confidence",
    "final_answer",
    "winner",
    "stop_reason",
    "dissenting_views",
    "usage",
    "metadata",
    "visibility",
}
CONTRACT_CONSENSUS = {
    "reached",
    "agreement",
    "confidence",
    "final_answer",
    "conclusion",
    "supporting_agents",
    "dissenting_agents",
    "method",
}


@pytest.fixture
def finished() -> Debate:
    """ada and ben won with Yes against cleo; ben's vote failed at first."""
    debate = factories.make_debate(
        status=DebateStatus.COMPLETED, stop_reason="rounds", round=1, documents=["Figures."]
    )
    factories.make_event(debate)
    for agent, answer in (("ada", "Yes"), ("ben", "Yes"), ("cleo", "No")):
        factories.make_proposal(debate, agent, answer)
    vote: dict[str, Any] = {"round_number": 1, "ranking": ["yes"], "confidence": 0.7}
    factories.make_event(
        debate,
        EventType.AGENT_ERROR,
        agent="ben",
        round_number=1,
        phase="vote",
        code="timed_out",
        message="The turn took too long.",
        turn_id="1:vote:ben",
    )
    factories.make_event(
        debate, EventType.VOTE, agent="ada", choice="Yes", reasoning="So.", turn_id="t", **vote
    )
    factories.make_event(debate, EventType.DEBATE_END, status="completed", result="Yes")
    factories.make_round(debate, 0, agreement=2 / 3)
    factories.make_round(debate, 1, agreement=1.0, stability=2 / 3)
    factories.make_verdict(debate)
    return debate


def part(api: Api, debate: Debate, name: str = "", **params: Any) -> dict[str, Any]:
    path = f"/api/v1/debates/{debate.pk}" + (f"/{name}" if name else "")
    answer = api.get(path, params)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_a_debate_carries_everything_that_is_promised(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished)
    assert set(told) >= CONTRACT | set(DebateObject.__annotations__)
    assert set(told["consensus"]) >= CONTRACT_CONSENSUS | set(ConsensusObject.__annotations__)
    assert set(told["protocol"]) == set(ProtocolObject.__annotations__)
    assert (told["status"], told["final_answer"], told["winner"]) == ("completed", "Yes", "ada")
    assert told["consensus_reached"] is True
    assert [entry["round_number"] for entry in told["rounds"]] == [0, 1]
    assert told["documents"] == [{"number": 1, "title": "Document 1", "source": ""}]
    assert told["queue_position"] is None


def test_it_is_the_snapshot_of_the_stream(anybody: Api, finished: Debate) -> None:
    """The state that the API shows is the one that the stream's events lead to."""
    told = part(anybody, finished)
    snapshot = selectors.debate_snapshot(Debate.objects.get(pk=finished.pk))
    assert {name: told[name] for name in snapshot["debate"]} == snapshot["debate"]
    assert (told["seq"], told["epoch"]) == (snapshot["seq"], snapshot["epoch"])
    assert told["seq"] == finished.last_seq


@pytest.mark.parametrize("prefix", ["/api/v1/debates/slug", "/api/debates", "/api/v1/debate"])
def test_other_addresses_of_a_debate(anybody: Api, finished: Debate, prefix: str) -> None:
    assert anybody.get(f"{prefix}/{finished.slug}").json()["id"] == str(finished.pk)


def test_a_debate_that_waits_has_no_verdict_and_a_place(anybody: Api) -> None:
    factories.make_debate()
    told = part(anybody, factories.make_debate())
    assert told["queue_position"] == 2
    assert told["in_progress"] is True
    assert (told["confidence"], told["final_answer"], told["winner"]) == (None, None, None)
    assert told["consensus"]["reached"] is False


def test_messages_are_what_was_said(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished, "messages")
    assert told["messages"] == told["items"]
    assert (told["total"], told["count"], told["has_more"]) == (3, 3, False)
    assert [(entry["index"], entry["agent"]) for entry in told["messages"]] == [
        (0, "ada"),
        (1, "ben"),
        (2, "cleo"),
    ]
    first = told["messages"][0]
    assert set(first) == {
        "index",
        "role",
        "content",
        "agent",
        "round",
        "phase",
        "timestamp",
        "metadata",
    }
    assert (first["role"], first["round"], first["phase"]) == ("assistant", 0, "draft")
    assert first["content"] == "Yes, because of the figures."


def test_messages_come_in_pages(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished, "messages", limit=2, offset=1)
    assert [entry["index"] for entry in told["messages"]] == [1, 2]
    assert (told["has_more"], told["total"]) == (False, 3)
    assert part(anybody, finished, "messages", limit=2)["has_more"] is True


def test_without_a_limit_messages_are_as_many_as_a_page_holds(anybody: Api) -> None:
    debate = factories.make_debate(status=DebateStatus.RUNNING)
    for _ in range(MAX_LIMIT):
        factories.make_proposal(debate, "ada")
    told = part(anybody, debate, "messages")
    assert (told["count"], told["limit"], told["has_more"]) == (MAX_LIMIT, MAX_LIMIT, False)

    factories.make_proposal(debate, "ada")
    told = part(anybody, debate, "messages")
    assert (told["count"], told["total"], told["has_more"]) == (MAX_LIMIT, MAX_LIMIT + 1, True)


def test_messages_fill_while_the_debate_runs(anybody: Api) -> None:
    debate = factories.make_debate(status=DebateStatus.RUNNING)
    assert part(anybody, debate, "messages")["messages"] == []
    factories.make_proposal(debate, "ada")
    assert part(anybody, debate, "messages")["total"] == 1


def test_rounds_hold_words_votes_and_failures(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished, "rounds")
    drafts, last = told["rounds"]
    assert told["total"] == 2
    assert [message["agent"] for message in drafts["messages"]] == ["ada", "ben", "cleo"]
    assert last["votes"] == {"ada": "Yes"}
    assert last["errors"] == [
        {
            "agent": "ben",
            "phase": "vote",
            "code": "timed_out",
            "message": "The turn took too long.",
        }
    ]


def test_votes(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished, "votes")
    assert told["total"] == 1
    assert told["votes"] == [
        {
            "agent": "ada",
            "round": 1,
            "choice": "Yes",
            "ranking": ["yes"],
            "confidence": 0.7,
            "reasoning": "So.",
        }
    ]


def test_the_panel_and_its_judge(anybody: Api) -> None:
    judge = factories.make_spec("dora")
    told = part(anybody, factories.make_debate(judge=judge), "agents")
    assert [(agent["name"], agent["role"]) for agent in told["agents"]] == [
        ("ada", "panelist"),
        ("ben", "panelist"),
        ("cleo", "panelist"),
        ("dora", "judge"),
    ]


def test_a_panel_tells_no_keys_and_addresses(anybody: Api) -> None:
    spec = factories.make_model_spec(
        "ada", base_url="http://10.0.0.1/v1", api_key_variable="SECRET_KEY_NAME"
    )
    debate = factories.make_debate(panel=[spec, factories.make_spec("ben")])
    for name in ("", "agents"):
        shown = str(part(anybody, debate, name))
        assert "10.0.0.1" not in shown
        assert "SECRET_KEY_NAME" not in shown


def test_convergence(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished, "convergence")
    assert (told["agreement"], told["stability"]) == (1.0, pytest.approx(2 / 3))
    assert [entry["stability"] for entry in told["rounds"]] == [None, pytest.approx(2 / 3)]


def test_consensus(anybody: Api, finished: Debate) -> None:
    told = part(anybody, finished, "consensus")
    assert (told["reached"], told["final_answer"]) == (True, "Yes")
    assert told["dissenting_views"] == [{"agent": "cleo", "answer": "No", "rationale": "Too dear."}]
    assert (told["method"], told["stop_reason"]) == ("plurality", "rounds")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": DebateStatus.RUNNING}, ["ada, ben and cleo", "running"]),
        ({"status": DebateStatus.CREATED}, ["not decided"]),
        ({"status": DebateStatus.FAILED, "failure": "Too few agents."}, ["Too few agents."]),
        ({"status": DebateStatus.CANCELLED}, ["no decision", "cancelled"]),
    ],
)
def test_a_summary_without_a_verdict(
    anybody: Api, fields: dict[str, Any], words: list[str]
) -> None:
    summary = part(anybody, factories.make_debate(**fields), "summary")["summary"]
    for word in words:
        assert word in summary


def test_a_summary_names_the_decision_and_who_is_not_behind_it(
    anybody: Api, finished: Debate
) -> None:
    summary = part(anybody, finished, "summary")["summary"]
    assert summary == (
        "ada, ben and cleo decided by plurality: Yes. Plurality: two of three. Not behind it: cleo."
    )


def test_costs_by_agent_model_and_round(anybody: Api, finished: Debate) -> None:
    used = {"model": "gpt", "input_tokens": 100, "output_tokens": 10, "cost_usd": "0.25"}
    factories.make_usage_record(finished, "ada", call="0:draft:ada", **used)
    factories.make_usage_record(finished, "ada", call="1:vote:ada", **used)
    factories.make_usage_record(
        finished, "ben", call="1:vote:ben#cut", input_tokens=5, estimated=True, model="opus"
    )
    told = part(anybody, finished, "costs")
    assert (told["total_tokens"], told["total_cost_usd"], told["estimated"]) == (225, 0.5, True)
    assert [(entry["name"], entry["calls"], entry["tokens"]) for entry in told["by_agent"]] == [
        ("ada", 2, 220),
        ("ben", 1, 5),
    ]
    assert [entry["name"] for entry in told["by_model"]] == ["gpt", "opus"]
    assert [(entry["name"], entry["calls"]) for entry in told["by_round"]] == [("0", 1), ("1", 2)]


def test_metadata(anybody: Api) -> None:
    debate = factories.make_debate(metadata={"ticket": 7}, tags=["a"], title="T")
    told = part(anybody, debate, "metadata")
    assert (told["metadata"], told["tags"], told["title"]) == ({"ticket": 7}, ["a"], "T")
