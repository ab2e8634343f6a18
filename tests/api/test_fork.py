"""What can be forked, by whom, and who sees the forks. How forks go on: tests/running."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import DebateStatus, EventType, Visibility
from debates.engine.codec import encode_reply
from debates.engine.types import Phase, Position, Revision
from debates.models import Agent, Debate, DebateEvent
from debates.services.withholding import WITHHELD
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def begins(debate: Debate, number: int, phase: Phase) -> None:
    factories.make_round(debate, number)
    factories.make_event(debate, EventType.ROUND_START, round_number=number, total_rounds=3)
    factories.make_event(
        debate, EventType.PHASE_CHANGE, round_number=number, from_phase="", to_phase=phase.value
    )


def answers(debate: Debate, agent: str, answer: str) -> None:
    position = Position(answer, "It follows from the figures.", 0.7)
    factories.make_turn(debate, agent, reply=encode_reply(position), text=answer, input_tokens=9)
    factories.make_proposal(debate, agent, answer)


def stays(debate: Debate, agent: str, answer: str) -> None:
    revision = Revision(Position(answer, "It still does.", 0.7), changed=False)
    factories.make_turn(
        debate, agent, round=1, phase=Phase.EXCHANGE, reply=encode_reply(revision), text=answer
    )
    factories.make_event(
        debate,
        EventType.REVISION,
        agent=agent,
        round_number=1,
        content=answer,
        turn_id=f"1:exchange:{agent}",
    )


def held(owner: User, answers_given: dict[str, str], **fields: Any) -> Debate:
    """The drafts were given; then the debate ended."""
    debate = factories.make_debate(owner=owner, status=DebateStatus.CANCELLED, **fields)
    begins(debate, 0, Phase.DRAFT)
    for agent, answer in answers_given.items():
        answers(debate, agent, answer)
    return debate


@pytest.fixture
def split(alice: User, panel: list[Agent]) -> Debate:
    return held(alice, {"ada": "Yes", "ben": "Yes", "cleo": "No"}, visibility=Visibility.PRIVATE)


def fork(caller: Api, debate: Debate, **body: Any) -> Any:
    return caller.post(f"/api/v1/debates/{debate.pk}/fork", body)


def forked(caller: Api, debate: Debate, **body: Any) -> Debate:
    answer = fork(caller, debate, **body)
    assert answer.status_code == 201, answer.content
    return Debate.objects.get(pk=answer.json()["branch_id"])


def refused(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 400, answer.content
    assert Debate.objects.filter(origin="fork").count() == 0
    [found] = answer.json()["errors"]
    return found["field"], found["message"]


def test_without_a_body_the_blind_answers_are_kept(split: Debate, as_alice: Api) -> None:
    answer = as_alice.post(f"/api/v1/debates/{split.pk}/fork")
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["branch_point"], told["messages_inherited"], told["status"]) == (0, 3, "pending")
    branch = Debate.objects.get(pk=told["branch_id"])
    assert (branch.round, branch.phase, branch.started_at) == (0, "draft", None)
    assert (branch.input_tokens, branch.turns.filter(input_tokens__gt=0).count()) == (0, 0)
    types = list(branch.events.order_by("seq").values_list("type", flat=True))
    assert types == ["debate_queued", "round_start", "phase_change", *["propose"] * 3]
    assert list(branch.events.values_list("seq", flat=True)) == [1, 2, 3, 4, 5, 6]


def test_a_failed_answer_is_not_kept(alice: User, panel: Any, as_alice: Api) -> None:
    debate = held(alice, {"ada": "Yes", "ben": "Yes"})
    factories.make_turn(debate, "cleo", failure_code="timed_out", text="", reply=None)
    branch = forked(as_alice, debate)
    assert sorted(branch.turns.values_list("agent", flat=True)) == ["ada", "ben"]


@pytest.mark.parametrize(
    "status", sorted({DebateStatus.CREATED, DebateStatus.PENDING, DebateStatus.RUNNING, "paused"})
)
def test_one_that_goes_on_is_not_forked(
    status: str, alice: User, panel: Any, as_alice: Api
) -> None:
    answer = fork(as_alice, factories.make_debate(owner=alice, status=status))
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")


@pytest.mark.parametrize("point", [1, 12, -1, 10**30])
def test_only_rounds_that_were_held(point: int, split: Debate, as_alice: Api) -> None:
    field, message = refused(fork(as_alice, split, branch_point=point))
    assert (field, message[:5]) == ("branch_point", "Use 0")


@pytest.mark.parametrize("point", ["1", 1.5, True, [1]])
def test_a_round_is_a_whole_number(point: Any, split: Debate, as_alice: Api) -> None:
    field, _ = refused(fork(as_alice, split, branch_point=point))
    assert field == "branch_point"


def test_only_rounds_that_were_held_to_their_end(split: Debate, as_alice: Api) -> None:
    begins(split, 1, Phase.EXCHANGE)
    for agent, answer in (("ada", "Yes"), ("ben", "Yes")):
        stays(split, agent, answer)
    field, message = refused(fork(as_alice, split, branch_point=1))
    assert (field, message) == ("branch_point", "Round 1 was not held to its end.")
    stays(split, "cleo", "No")
    assert forked(as_alice, split, branch_point=1).round == 1


def test_there_has_to_be_something_to_argue(alice: User, panel: Any, as_alice: Api) -> None:
    factories.make_agent("dora")
    debate = held(alice, {"ada": "Yes", "ben": "Yes", "cleo": "Yes"})
    field, message = refused(fork(as_alice, debate))
    assert (field, "nothing would be left" in message) == ("branch_point", True)
    assert forked(as_alice, debate, agents=["ada", "ben", "dora"]).turns.count() == 2


def test_there_has_to_be_something_to_keep(alice: User, panel: Any, as_alice: Api) -> None:
    debate = factories.make_debate(owner=alice, status=DebateStatus.CANCELLED)
    field, message = refused(fork(as_alice, debate))
    assert (field, "nothing to keep" in message) == ("branch_point", True)
    others = [factories.make_agent(name).name for name in ("dora", "emil")]
    split = held(alice, {"ada": "Yes", "ben": "Yes", "cleo": "No"})
    field, message = refused(fork(as_alice, split, agents=others))
    assert (field, "nothing to keep" in message) == ("branch_point", True)


def test_other_agents_come_in_at_the_beginning_alone(split: Debate, as_alice: Api) -> None:
    factories.make_agent("dora")
    begins(split, 1, Phase.EXCHANGE)
    for agent, answer in (("ada", "Yes"), ("ben", "Yes"), ("cleo", "No")):
        stays(split, agent, answer)
    body = {"agents": ["ada", "cleo", "dora"]}
    field, _ = refused(fork(as_alice, split, branch_point=1, **body))
    assert field == "agents"
    branch = forked(as_alice, split, branch_point=0, **body)
    assert [spec["name"] for spec in branch.panel] == ["ada", "cleo", "dora"]
    assert sorted(branch.turns.values_list("agent", flat=True)) == ["ada", "cleo"]


def test_whoever_judged_may_come_in_and_another_one_judges(
    alice: User, panel: Any, as_alice: Api
) -> None:
    specs = {name: factories.make_spec(name) for name in ("ada", "ben", "cleo")}
    debate = held(
        alice,
        {"ada": "Yes", "ben": "No"},
        decision="judge",
        panel=[specs["ada"], specs["ben"]],
        judge=specs["cleo"],
    )
    as_it_was = forked(as_alice, debate)
    assert as_it_was.judge is not None
    assert as_it_was.judge["name"] == "cleo"
    branch = forked(as_alice, debate, agents=["ada", "Cleo"])
    assert [spec["name"] for spec in branch.panel] == ["ada", "cleo"]
    assert branch.judge is not None
    assert branch.judge["name"] == "ben"


def test_an_agent_that_is_gone_is_named(split: Debate, as_alice: Api) -> None:
    Agent.objects.filter(name="cleo").delete()
    assert refused(fork(as_alice, split)) == ("agents", "There is no agent “cleo”.")


def test_sent_again_with_its_key_it_makes_one(split: Debate, as_alice: Api) -> None:
    path = f"/api/v1/debates/{split.pk}/fork"
    first, again = (as_alice.post(path, {}, idempotency_key="k") for _ in range(2))
    assert again.json() == first.json()
    assert Debate.objects.count() == 2


def test_forks_are_listed_to_who_may_see_them(
    split: Debate, as_alice: Api, as_charlie: Api, anybody: Api
) -> None:
    path = f"/api/v1/debates/{split.pk}/forks"
    for stranger in (as_charlie, anybody):
        assert stranger.get(path).status_code == 404
    hers = forked(as_alice, split)
    open_to_all = forked(as_alice, split, visibility="public")
    as_alice.post(f"/api/v1/debates/{split.pk}/clone")
    told = as_alice.get(path).json()
    assert [one["branch_id"] for one in told["forks"]] == [str(open_to_all.pk), str(hers.pk)]
    assert told["items"] == told["forks"]
    assert (told["total"], told["parent_debate_id"]) == (2, str(split.pk))
    assert told["forks"][0]["branch_point"] == 0
    assert [one["branch_id"] for one in as_alice.get(path, {"offset": 1}).json()["forks"]] == [
        str(hers.pk)
    ]
    Debate.objects.filter(pk=split.pk).update(visibility=Visibility.PUBLIC)
    for stranger in (as_charlie, anybody):
        told = stranger.get(path).json()
        assert [one["branch_id"] for one in told["forks"]] == [str(open_to_all.pk)]


# --- What the parent recalled -------------------------------------------------------------------


@pytest.fixture
def reminded(split: Debate, alice: User) -> Debate:
    """The first round of `split` was shown what a debate came to that alice alone may read."""
    source = factories.make_debate(
        owner=alice, visibility=Visibility.PRIVATE, status=DebateStatus.COMPLETED
    )
    entry = {
        "id": 1,
        "label": "M1",
        "tier": "slow",
        "kind": "decision",
        "content": "The bus lost.",
        "importance": 0.5,
        "score": 0.9,
        "why": "close",
        "debate_id": str(source.pk),
        "slug": source.slug,
        "created_at": "2026-01-01T00:00:00Z",
    }
    factories.make_event(split, EventType.MEMORY_RECALL, entries=[entry], settled=[])
    return split


def recalled(debate: Debate) -> tuple[str, str]:
    event = DebateEvent.objects.get(debate=debate, type=EventType.MEMORY_RECALL)
    [entry] = event.data["entries"]
    return entry["content"], entry["why"]


def test_who_reads_a_fork_reads_nothing_of_what_is_not_theirs(
    reminded: Debate, as_alice: Api
) -> None:
    assert recalled(forked(as_alice, reminded)) == ("The bus lost.", "close")
    assert recalled(forked(as_alice, reminded, visibility="public")) == ("", WITHHELD)


def test_also_when_it_is_opened_before_it_begins(reminded: Debate, as_alice: Api) -> None:
    branch = forked(as_alice, reminded)
    opened = as_alice.send("PATCH", f"/api/v1/debates/{branch.pk}", {"visibility": "public"})
    assert opened.status_code == 200
    assert recalled(branch) == ("", WITHHELD)
    assert recalled(reminded) == ("The bus lost.", "close")
