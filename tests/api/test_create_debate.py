"""Starting a debate, in every form that clients use."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from debates.api.words import CONSENSUS_WORDS
from debates.choices import DebateStatus, Visibility
from debates.models import Agent, Debate
from tests.api.conftest import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

QUESTION = "Should the town build the tram?"
PATHS = [
    "/api/v1/debates",
    "/api/debates",
    "/api/v1/debate",
    "/api/debate",
    "/api/v1/debate-this",
    "/api/debate-this",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["task", "question"])
def test_a_question_is_enough(anybody: Api, path: str, name: str) -> None:
    answer = anybody.post(path, {name: QUESTION})

    assert answer.status_code == 201, answer.content
    debate = Debate.objects.get()
    assert answer.json() == {
        "success": True,
        "debate_id": str(debate.pk),
        "id": str(debate.pk),
        "slug": debate.slug,
        "status": "pending",
        "task": QUESTION,
        "agents": ["ada", "ben", "cleo"],
        "rounds": 3,
        "created_at": debate.created_at.isoformat().replace("+00:00", "Z"),
        "queue_position": 1,
        "estimated_wait_seconds": 0,
        "events_url": f"http://testserver/api/v1/debates/{debate.pk}/events",
        "ws_url": f"ws://testserver/ws/debates/{debate.pk}",
        "websocket_url": f"ws://testserver/ws/debates/{debate.pk}",
        "warnings": [],
    }


@pytest.mark.parametrize(
    "agents",
    [
        ["ada", "cleo"],
        [{"name": "ada"}, {"agent": "cleo"}],
        ["ada", {"id": "cleo", "role": "proposer"}],
        ["Ada ", "CLEO"],
    ],
)
def test_agents_are_names_or_objects(anybody: Api, agents: list[Any]) -> None:
    answer = anybody.post("/api/v1/debates", {"task": QUESTION, "agents": agents})
    assert answer.json()["agents"] == ["ada", "cleo"]


@pytest.mark.parametrize("agents", [{}, {"agents": None}])
def test_no_agents_mean_the_default_panel(anybody: Api, agents: dict[str, None]) -> None:
    answer = anybody.post("/api/v1/debates", {"task": QUESTION, **agents})
    assert answer.json()["agents"] == ["ada", "ben", "cleo"]


@pytest.mark.parametrize(
    "body",
    [
        {"rounds": 2, "consensus": "unanimous"},
        {"protocol": {"rounds": 2, "consensus": "unanimous"}},
        {"protocol": {"rounds": 2}, "decision": "unanimity"},
        {"rounds": 2, "protocol": {"rounds": 2, "decision_mode": "Unanimous"}},
    ],
)
def test_rounds_and_rule_stand_on_top_or_in_the_protocol(
    anybody: Api, body: dict[str, Any]
) -> None:
    assert anybody.post("/api/v1/debates", {"task": QUESTION, **body}).status_code == 201
    debate = Debate.objects.get()
    assert (debate.rounds, debate.decision) == (2, "unanimity")


@pytest.mark.parametrize("protocol", ["classic", {"name": "classic"}, {"type": "Classic"}])
def test_the_protocol_is_a_name_or_an_object(anybody: Api, protocol: Any) -> None:
    assert anybody.post("/api/v1/debates", {"task": QUESTION, "protocol": protocol})
    assert Debate.objects.get().protocol == "classic"


@pytest.mark.parametrize("word", [*CONSENSUS_WORDS, "instant-runoff", " Majority "])
def test_every_consensus_word_is_understood(anybody: Api, word: str) -> None:
    body = {"task": QUESTION, "consensus": word, "agents": ["ada", "ben"]}
    assert anybody.post("/api/v1/debates", body).status_code == 201
    expected = CONSENSUS_WORDS[word.strip().lower().replace("-", "_")]
    assert Debate.objects.get().decision == expected


def test_documents_are_texts_or_objects(anybody: Api) -> None:
    documents = [
        "The tram is quick.",
        {"title": "Costs", "text": "The tram is dear.", "source": "council"},
        {"name": "Noise", "content": "The tram is quiet.", "url": "https://example.org/noise"},
    ]
    anybody.post("/api/v1/debates", {"task": QUESTION, "documents": documents})

    found = Debate.objects.get().documents.values_list("number", "title", "text", "source")
    assert list(found) == [
        (1, "Document 1", "The tram is quick.", ""),
        (2, "Costs", "The tram is dear.", "council"),
        (3, "Noise", "The tram is quiet.", "https://example.org/noise"),
    ]


def test_everything_else_is_kept(as_alice: Api, alice: User) -> None:
    answer = as_alice.post(
        "/api/v1/debates",
        {
            "task": QUESTION,
            "context": "The town has 40,000 people.",
            "title": "Tram",
            "tags": ["transport", "transport", " money "],
            "domain": "Planning",
            "metadata": {"ticket": 7},
            "visibility": "public",
            "budget_tokens": 5000,
            "deadline_seconds": 60,
            "seed": 11,
            "autostart": False,
        },
    )

    assert answer.json()["status"] == DebateStatus.CREATED
    assert answer.json()["queue_position"] is None
    debate = Debate.objects.get()
    assert debate.owner == alice
    assert debate.context == "The town has 40,000 people."
    assert (debate.title, debate.tags, debate.domain) == (
        "Tram",
        ["transport", "money"],
        "planning",
    )
    assert (debate.metadata, debate.visibility) == ({"ticket": 7}, Visibility.PUBLIC)
    assert (debate.budget_tokens, debate.deadline_seconds, debate.seed) == (5000, 60, 11)


def test_a_budget_in_money_is_kept(anybody: Api) -> None:
    body = {"task": QUESTION, "budget_limit_usd": 0.5}
    answer = anybody.post("/api/v1/debates", body)
    assert answer.status_code == 201, answer.content
    assert str(Debate.objects.get().budget_usd) == "0.5000"


def test_unknown_fields_are_left_alone(anybody: Api) -> None:
    """Clients of other versions send more than this one knows."""
    body = {"task": QUESTION, "auto_select": True, "use_trending": False, "source": "test"}
    assert anybody.post("/api/v1/debates", body).status_code == 201


def test_nulls_are_as_good_as_nothing(anybody: Api) -> None:
    names = (
        "question agents judge protocol rounds consensus context documents title tags domain "
        "metadata visibility budget_limit_usd budget_tokens deadline_seconds seed autostart"
    )
    body = {"task": QUESTION} | dict.fromkeys(names.split())
    assert anybody.post("/api/v1/debates", body).status_code == 201


def test_a_named_judge_presides(anybody: Api, panel: list[Agent]) -> None:
    body = {"task": QUESTION, "agents": ["ada", "ben"], "judge": "cleo", "consensus": "judge"}
    created = anybody.post("/api/v1/debates", body).json()
    assert anybody.get(f"/api/v1/debates/{created['id']}").json()["judge"]["name"] == "cleo"


def test_the_answer_leads_to_the_debate(anybody: Api) -> None:
    created = anybody.post("/api/v1/debates", {"task": QUESTION}).json()
    found = anybody.get(f"/api/v1/debates/{created['slug']}").json()
    assert UUID(found["id"]) == UUID(created["id"])
