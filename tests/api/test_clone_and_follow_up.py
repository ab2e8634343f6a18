"""A new debate out of an old one: the same again, or a further question."""

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from debates.choices import DebateStatus, Origin, Visibility
from debates.models import Agent, Debate
from ratelimit.models import Membership, Role
from ratelimit.workspaces import personal_workspace
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

SAME = ("question", "context", "protocol", "decision", "rounds", "seed", "budget_tokens")
SAME_TOO = ("deadline_seconds", "domain", "title", "tags", "use_memory")
CONTEXT = "We are a town of forty thousand."


@pytest.fixture
def parent(alice: User, panel: list[Agent]) -> Debate:
    """alice's, decided: Yes, and cleo against it."""
    debate = factories.make_debate(
        owner=alice,
        visibility=Visibility.PRIVATE,
        status=DebateStatus.COMPLETED,
        documents=["The tram cut traffic by a tenth.", "It cost four million."],
        context=CONTEXT,
        protocol="classic",
        decision="borda",
        rounds=2,
        seed=11,
        budget_tokens=900_000,
        deadline_seconds=600,
        domain="transport",
        title="Trams",
        tags=["rail"],
        metadata={"ticket": 7},
        use_memory=False,
    )
    factories.make_verdict(debate)
    return debate


@pytest.fixture
def shared_with_bob(parent: Debate, as_bob: Api) -> Debate:
    """The same, which bob may read as well, and only read."""
    Debate.objects.filter(pk=parent.pk).update(visibility=Visibility.WORKSPACE)
    bob = User.objects.get(username="bob")
    Membership.objects.create(workspace_id=parent.workspace_id, user=bob, role=Role.VIEWER)
    return parent


def make(caller: Api, parent: Debate, act: str = "clone", body: Any = None, **headers: str) -> Any:
    return caller.post(f"/api/v1/debates/{parent.pk}/{act}", body, **headers)


def made(answer: Any) -> Debate:
    assert answer.status_code == 201, answer.content
    return Debate.objects.get(pk=answer.json()["debate_id"])


def texts(debate: Debate) -> list[tuple[int, str, str]]:
    return list(debate.documents.order_by("number").values_list("number", "title", "text"))


def test_a_clone_asks_the_same(parent: Debate, as_alice: Api) -> None:
    answer = make(as_alice, parent)
    clone, told = made(answer), answer.json()
    for name in (*SAME, *SAME_TOO):
        assert getattr(clone, name) == getattr(parent, name), name
    assert [spec["name"] for spec in clone.panel] == ["ada", "ben", "cleo"]
    assert texts(clone) == texts(parent)
    assert (clone.parent, clone.origin, clone.branch_point) == (parent, Origin.CLONE, None)
    assert (clone.status, clone.last_seq, clone.metadata) == (DebateStatus.PENDING, 1, {})
    assert told["parent_debate_id"] == str(parent.pk)
    assert told["branch_id"] == told["id"] == told["debate_id"]
    assert (told["status"], told["messages_inherited"]) == ("pending", 0)
    assert told["queue_position"] == 1


def test_some_of_it_can_be_otherwise(parent: Debate, as_alice: Api) -> None:
    factories.make_agent("dora")
    body = {"agents": ["ada", "dora"], "seed": 3, "title": "Again", "autostart": False, "colour": 2}
    answer = make(as_alice, parent, body=body)
    clone = made(answer)
    assert [spec["name"] for spec in clone.panel] == ["ada", "dora"]
    assert (clone.seed, clone.title, clone.status) == (3, "Again", DebateStatus.CREATED)
    assert answer.json()["warnings"] == ["unknown field 'colour' was ignored"]


def test_agents_are_as_they_are_now(parent: Debate, as_alice: Api) -> None:
    Agent.objects.filter(name="ada").update(persona="Thinks of the cost.")
    assert parent.panel[0]["persona"] == ""
    assert made(make(as_alice, parent)).panel[0]["persona"] == "Thinks of the cost."


@pytest.mark.parametrize("act", ["clone", "followup"])
def test_whoever_judged_may_argue_and_another_one_judges(
    act: str, alice: User, panel: list[Agent], as_alice: Api
) -> None:
    debate = factories.make_debate(
        owner=alice,
        status=DebateStatus.COMPLETED,
        decision="judge",
        panel=[factories.make_spec(name) for name in ("ada", "ben")],
        judge=factories.make_spec("cleo"),
    )
    factories.make_agent("dora")
    factories.make_verdict(debate)
    new = made(make(as_alice, debate, act, {"agents": ["ada", "Cleo"]}))
    assert [spec["name"] for spec in new.panel] == ["ada", "cleo"]
    assert new.judge is not None
    assert new.judge["name"] in ("ben", "dora")
    # Who is named as the judge does not argue.
    wrong = make(as_alice, debate, act, {"agents": ["ada", "cleo"], "judge": "cleo"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "judge")


@pytest.mark.parametrize("act", ["clone", "followup"])
def test_an_agent_that_is_gone_is_named(act: str, parent: Debate, as_alice: Api) -> None:
    Agent.objects.filter(name="ben").delete()
    Agent.objects.filter(name="cleo").update(enabled=False)
    answer = make(as_alice, parent, act)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "agents", "message": "There is no agent “ben”."},
        {"field": "agents", "message": "The agent “cleo” is disabled."},
    ]
    assert Debate.objects.count() == 1


@pytest.mark.parametrize("act", ["clone", "followup"])
def test_it_is_whose_who_makes_it(act: str, shared_with_bob: Debate, as_bob: Api) -> None:
    branch = made(make(as_bob, shared_with_bob, act))
    bob = User.objects.get(username="bob")
    assert (branch.owner, branch.workspace) == (bob, personal_workspace(bob))
    assert branch.visibility == Visibility.PRIVATE


@pytest.mark.parametrize("act", ["clone", "followup", "fork"])
def test_only_what_one_may_read(act: str, parent: Debate, as_charlie: Api, anybody: Api) -> None:
    for stranger in (as_charlie, anybody):
        assert make(stranger, parent, act).status_code == 404
    assert Debate.objects.count() == 1


@pytest.mark.parametrize("act", ["clone", "followup", "fork"])
def test_a_key_that_reads_makes_none(act: str, parent: Debate, alice: User, anybody: Api) -> None:
    _, key = factories.make_api_key(alice, scope="read")
    answer = make(anybody, parent, act, authorization=f"Bearer {key}")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("act", ["clone", "followup"])
def test_who_may_start_none_makes_none(
    act: str, parent: Debate, anybody: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    Debate.objects.update(visibility=Visibility.PUBLIC)
    assert made(make(anybody, parent, act)).visibility == Visibility.PUBLIC
    told = replace(settings.ARAGORA, allow_anonymous_debates=False)
    monkeypatch.setattr(settings, "ARAGORA", told)
    answer = make(anybody, parent, act)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")


@pytest.mark.parametrize("act", ["clone", "followup"])
def test_the_queue_may_be_full(
    act: str, parent: Debate, as_alice: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ARAGORA", replace(settings.ARAGORA, max_queued_debates=1))
    assert make(as_alice, parent, act).status_code == 201
    answer = make(as_alice, parent, act)
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert Debate.objects.count() == 2


@pytest.mark.parametrize("act", ["clone", "followup"])
def test_sent_again_with_its_key_it_makes_one(act: str, parent: Debate, as_alice: Api) -> None:
    first = make(as_alice, parent, act, idempotency_key="k")
    again = make(as_alice, parent, act, idempotency_key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Debate.objects.count() == 2


def test_a_follow_up_knows_what_was_decided(parent: Debate, as_alice: Api) -> None:
    body = {"question": "And by when?", "context": "The depot is full."}
    answer = make(as_alice, parent, "followup", body)
    branch, told = made(answer), answer.json()
    assert (branch.question, branch.parent, branch.origin) == (
        "And by when?",
        parent,
        Origin.FOLLOW_UP,
    )
    assert branch.context == (
        f"{CONTEXT}\n\nWhat an earlier debate came to:\n\n{parent.question}\n\n"
        "Decided before: Yes\n\nPlurality: two of three.\n\nAgainst it: No Too dear.\n\n"
        "The depot is full."
    )
    assert texts(branch) == texts(parent)
    assert (branch.title, branch.decision) == ("", "borda")
    assert (told["origin"], told["status"]) == ("follow_up", "pending")


def test_without_a_question_the_same_is_asked_further(parent: Debate, as_alice: Api) -> None:
    answer = make(as_alice, parent, "followup", {"cruxId": "c-1"})
    assert made(answer).question == parent.question
    assert "cruxId" in answer.json()["warnings"][0]


@pytest.mark.parametrize("status", sorted(set(DebateStatus) - {DebateStatus.COMPLETED}))
def test_without_a_verdict_there_is_no_follow_up(
    status: DebateStatus, alice: User, as_alice: Api, panel: Any
) -> None:
    debate = factories.make_debate(owner=alice, status=status)
    answer = make(as_alice, debate, "followup")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
    assert Debate.objects.count() == 1


def test_what_is_too_long_is_refused(parent: Debate, as_alice: Api) -> None:
    answer = make(as_alice, parent, "followup", {"context": "x" * 200_001})
    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == ["context"]


def test_the_parent_is_told_to_who_may_read_it(
    shared_with_bob: Debate, as_alice: Api, as_bob: Api
) -> None:
    branch = make(as_bob, shared_with_bob, body={"visibility": "public"}).json()["id"]
    for caller in (as_alice, as_bob):
        told = caller.get(f"/api/v1/debates/{branch}").json()
        assert told["parent"]["debate_id"] == str(shared_with_bob.pk)
        assert told["origin"] == "clone"
    told = Api().get(f"/api/v1/debates/{branch}").json()
    assert (told["parent"], told["origin"]) == (None, "clone")


def test_it_outlives_its_parent(shared_with_bob: Debate, as_alice: Api, as_bob: Api) -> None:
    """Also where it is another tenant's."""
    parent = shared_with_bob
    branch = made(make(as_bob, parent))
    assert as_alice.send("DELETE", f"/api/v1/debates/{parent.pk}").status_code == 200
    told = as_bob.get(f"/api/v1/debates/{branch.pk}").json()
    assert (told["parent"], told["origin"], told["task"]) == (None, "clone", parent.question)
