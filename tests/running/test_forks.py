"""A fork stands where its parent stood after a round, and goes on from there at its own cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from debates.choices import DebateStatus, EventType, Origin
from debates.engine.types import DecisionMode
from debates.mock_llm.server import ModelServer
from debates.models import (
    Agent,
    Debate,
    DebateEvent,
    Match,
    QuestionVector,
    Round,
    Turn,
    UsageRecord,
)
from debates.selectors.deciding import decided_again
from debates.services.remembering import index_questions, remember_debates, remember_missed
from memory.models import Entry
from tests.factories import make_model_agent
from tests.support.debating import MODELS, Ears, Worker, assert_whole, model_debate

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def agents(heard: Ears, model_server: ModelServer) -> list[Agent]:
    return [
        make_model_agent(name, model=model, family=model, base_url=model_server.openai_url)
        for name, model in {**MODELS, "dora": "ada-large"}.items()
    ]


@pytest.fixture
def worker(heard: Ears) -> Iterator[Worker]:
    with Worker() as running:
        yield running


@pytest.fixture(params=["adaptive", "classic"])
def parent(
    request: pytest.FixtureRequest,
    agents: list[Agent],
    worker: Worker,
    heard: Ears,
    model_server: ModelServer,
) -> Debate:
    """Two rounds and a verdict."""
    debate = model_debate(
        model_server, protocol=request.param, decision="unanimity", rounds=2, context="As it is."
    )
    return heard.wait_for_end(debate.pk)


def fork(debate: Debate, **body: Any) -> Any:
    path = f"/api/v1/debates/{debate.pk}/fork"
    return Client().post(path, json.dumps(body), content_type="application/json")


def forked(debate: Debate, **body: Any) -> Debate:
    answer = fork(debate, **body)
    assert answer.status_code == 201, answer.content
    return Debate.objects.get(pk=answer.json()["branch_id"])


def said(debate: Debate, **conditions: Any) -> list[tuple[Any, ...]]:
    rows = Turn.objects.filter(debate=debate, **conditions).order_by("index")
    return list(rows.values_list("round", "phase", "agent", "part", "text", "reply"))


def calls(debate: Debate) -> set[tuple[Any, ...]]:
    return {turn[:4] for turn in said(debate)}


def inherited(debate: Debate) -> set[str]:
    events = DebateEvent.objects.filter(debate=debate)
    return {event.data["turn_id"] for event in events if event.data.get("inherited")}


@pytest.mark.parametrize("point", [0, 1, 2])
def test_what_is_kept_is_kept_and_the_rest_argued_anew(
    parent: Debate, point: int, heard: Ears, model_server: ModelServer
) -> None:
    before = len(model_server.requests)
    answer = fork(parent, branch_point=point, modified_context="As it might be.")
    assert answer.status_code == 201, answer.content
    told = answer.json()
    debate = heard.wait_for_end(Debate.objects.get(pk=told["debate_id"]).pk)
    assert_whole(debate)
    assert debate.status == DebateStatus.COMPLETED

    opening = "draft" if parent.protocol == "adaptive" else "propose"
    kept = [
        turn
        for turn in said(parent)
        if turn[1] == opening
        or (1 <= turn[0] <= point and not (turn[1] == "vote" and turn[0] == point))
    ]
    assert said(debate)[: len(kept)] == kept
    assert calls(debate) == calls(parent)
    anew = len(said(debate)) - len(kept)
    assert len(model_server.requests) - before == anew > 0
    assert UsageRecord.objects.filter(debate=debate).count() == anew
    free = Turn.objects.filter(debate=debate, index__lt=len(kept))
    assert not free.exclude(input_tokens=0, output_tokens=0, cost_usd=0, inherited=True).exists()
    assert Turn.objects.filter(debate=debate, inherited=False).count() == anew
    prompts = [one.prompt for one in model_server.requests[before:]]
    assert not any("As it is." in prompt for prompt in prompts)
    assert any("As it might be." in prompt for prompt in prompts)
    assert (told["parent_debate_id"], told["branch_point"]) == (str(parent.pk), point)
    assert (told["origin"], told["status"]) == ("fork", "pending")


def test_its_log_tells_all_of_it(parent: Debate, heard: Ears) -> None:
    answer = fork(parent, branch_point=1)
    debate = heard.wait_for_end(Debate.objects.get(pk=answer.json()["debate_id"]).pk)
    types = Counter(DebateEvent.objects.filter(debate=debate).values_list("type", flat=True))
    whole = Counter(DebateEvent.objects.filter(debate=parent).values_list("type", flat=True))
    # The parent was not queued by anybody.
    assert types == whole + Counter({EventType.DEBATE_QUEUED: 1})
    begun = [(row.number, row.ended_at is not None) for row in debate.round_set.order_by("number")]
    assert begun == [(row.number, True) for row in parent.round_set.order_by("number")]
    figures = ("number", "agreement", "stability")
    mine, theirs = (
        Round.objects.filter(debate=one).values_list(*figures) for one in (debate, parent)
    )
    assert list(mine) == list(theirs)
    kept = said(debate, round__lte=1)
    assert len(inherited(debate)) == len([turn for turn in kept if turn[1] != "vote"])
    ids = {event.data["debate_id"] for event in DebateEvent.objects.filter(debate=debate)}
    assert ids == {str(debate.pk)}
    messages = Client().get(f"/api/v1/debates/{debate.pk}/messages?limit=200").json()["messages"]
    assert (
        sum(one["metadata"].get("inherited", False) for one in messages)
        == (answer.json()["messages_inherited"])
    )


def test_it_is_taken_away_like_any_other(parent: Debate, heard: Ears) -> None:
    debate = heard.wait_for_end(forked(parent, branch_point=1).pk)
    for part in ("export/json", "export/md", "receipt", "evidence", "costs", "timeline"):
        answer = Client().get(f"/api/v1/debates/{debate.pk}/{part}")
        assert answer.status_code == 200, (part, answer.content)
    costs = Client().get(f"/api/v1/debates/{debate.pk}/costs").json()
    assert costs["total_tokens"] == debate.input_tokens + debate.output_tokens


def test_while_it_waits_it_reads_like_its_parent_then(
    agents: list[Agent], heard: Ears, model_server: ModelServer
) -> None:
    debate = model_debate(model_server, rounds=2)
    with Worker():
        parent = heard.wait_for_end(debate.pk)
    waiting = forked(parent, branch_point=1)
    told = Client().get(f"/api/v1/debates/{waiting.pk}/rounds").json()["rounds"]
    whole = Client().get(f"/api/v1/debates/{parent.pk}/rounds").json()["rounds"]
    assert [one["round_number"] for one in told] == [0, 1]
    for mine, theirs in zip(told, whole, strict=False):
        assert [one["content"] for one in mine["messages"]] == [
            one["content"] for one in theirs["messages"]
        ]
        assert mine["votes"] == {}
    assert Client().get(f"/debates/{waiting.slug}/").status_code == 200


@pytest.mark.parametrize("mode", [DecisionMode.UNANIMITY, DecisionMode.PLURALITY])
def test_decided_again_it_gives_the_same_verdict(
    parent: Debate, heard: Ears, mode: DecisionMode
) -> None:
    """Also where ben, who gave way in the parent, was replaced."""
    debate = heard.wait_for_end(forked(parent, branch_point=0, agents=["ada", "cleo", "dora"]).pk)
    own = decided_again(debate=debate, mode=DecisionMode(debate.decision))
    assert own.explanation == debate.verdict.explanation
    assert own.answer == debate.verdict.answer
    assert list(own.supporting) == debate.verdict.detail["supporting"]
    again = [decided_again(debate=debate, mode=mode) for _ in range(2)]
    assert again[0] == again[1]


def test_who_is_new_begins_blind_beside_those_who_stay(
    parent: Debate, heard: Ears, model_server: ModelServer
) -> None:
    before = len(model_server.requests)
    debate = heard.wait_for_end(forked(parent, branch_point=0, agents=["ada", "cleo", "dora"]).pk)
    assert_whole(debate)
    opening = "draft" if parent.protocol == "adaptive" else "propose"
    drafts = {turn[2]: turn for turn in said(debate, phase=opening)}
    theirs = {turn[2]: turn for turn in said(parent, phase=opening)}
    assert drafts.keys() == {"ada", "cleo", "dora"}
    assert (drafts["ada"], drafts["cleo"]) == (theirs["ada"], theirs["cleo"])
    assert len(model_server.requests) - before == len(said(debate)) - 2
    assert len(inherited(debate)) == 2


def test_it_is_neither_rated_nor_remembered(
    agents: list[Agent], worker: Worker, heard: Ears, model_server: ModelServer
) -> None:
    debate = model_debate(model_server, decision="plurality", rounds=1)
    parent = heard.wait_for_end(debate.pk)
    assert Match.objects.count() == 1
    branch = heard.wait_for_end(forked(parent, branch_point=0).pk)
    assert branch.verdict.reached
    assert Match.objects.count() == 1
    remember_debates(debate_ids=[parent.pk, branch.pk], now=timezone.now())
    remember_missed(now=timezone.now())
    index_questions(everything=True)
    assert set(QuestionVector.objects.values_list("debate", flat=True)) == {parent.pk}
    assert set(Entry.objects.values_list("debate_id", flat=True)) == {parent.pk}
    stats = Client().get("/api/v1/consensus/stats").json()
    settled = Client().get("/api/v1/consensus/settled?min_confidence=0").json()
    assert (stats["total_debates"], settled["count"]) == (1, 1)


def test_a_fork_of_a_fork(parent: Debate, heard: Ears) -> None:
    first = heard.wait_for_end(forked(parent, branch_point=1).pk)
    second = heard.wait_for_end(forked(first, branch_point=0).pk)
    assert_whole(second)
    assert (second.parent, second.origin) == (first, Origin.FORK)
    assert calls(second) == calls(parent)


@pytest.mark.parametrize("point", [0, 1, 2])
def test_where_nothing_is_otherwise_it_comes_out_the_same(
    parent: Debate, point: int, heard: Ears
) -> None:
    """The agents of this test say the same when they are asked the same."""

    def words(debate: Debate) -> set[str]:
        return {repr(turn) for turn in said(debate)}

    debate = heard.wait_for_end(forked(parent, branch_point=point).pk)
    assert words(debate) == words(parent)
    same = ("reached", "answer", "winners", "confidence", "agreement", "explanation", "detail")
    for name in same:
        assert getattr(debate.verdict, name) == getattr(parent.verdict, name), name
    assert debate.stop_reason == parent.stop_reason
