"""A debate leaves what it came to, and the next one about the same thing is shown it once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from structlog.testing import capture_logs

from debates.choices import DebateStatus, EventType, Visibility
from debates.engine.planner import next_step
from debates.engine.types import Ask, Spent
from debates.mock_llm.server import Behaviour, ModelServer
from debates.models import Debate, DebateEvent, QuestionVector
from debates.running import claims
from debates.running.loading import take_waiting
from debates.running.recalling import Recaller
from debates.services import editing, sharing
from debates.services.panels import build_setup
from debates.services.remembering import MOST_TRIES, remember_debates, remember_missed
from memory.embeddings.service import reset_service
from memory.models import Entry, Scope
from memory.tiers import Tier
from ratelimit.models import Membership, Role, Workspace
from ratelimit.workspaces import personal_workspace
from tests.factories import make_user
from tests.support.debating import Ears, Worker, ears, model_debate

QUESTION = "Should the town build the tram?"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Ears]:
    with ears() as listening:
        yield listening


def held(heard: Ears, server: ModelServer, **fields: Any) -> Debate:
    """A debate that was held to its end, and remembered."""
    fields.setdefault("question", QUESTION)
    with Worker():
        debate = model_debate(server, **fields)
        found = heard.wait_for_end(debate.pk)
    assert found.status == DebateStatus.COMPLETED
    return found


def recalled(debate: Debate) -> list[dict[str, Any]]:
    rows = DebateEvent.objects.filter(debate=debate, type=EventType.MEMORY_RECALL)
    return [row.data for row in rows]


def prompts(server: ModelServer) -> list[str]:
    """What the models were told, in the order of asking."""
    return [str(seen.request.messages) for seen in server.seen]


def owned(name: str) -> dict[str, Any]:
    user = make_user(name)
    return {
        "owner": user,
        "workspace": personal_workspace(user),
        "visibility": Visibility.PRIVATE,
    }


def test_decision_dissent_and_decisive_arguments_are_written(
    heard: Ears, server: ModelServer
) -> None:
    debate = held(heard, server)
    entries = {entry.kind: entry for entry in Entry.objects.order_by("pk")}
    assert set(entries) == {"decision", "dissent", "argument"}
    decision = entries["decision"]
    assert decision.content.startswith(f"Question: {QUESTION}\nDecision: Yes")
    assert (decision.debate_id, decision.debate_slug) == (debate.pk, debate.slug)
    assert decision.confidence == pytest.approx(debate.verdict.confidence)
    # Two of three stood behind it, and it led by a third of the points.
    assert decision.importance == pytest.approx(0.4 + 0.3 * 2 / 3 + 0.3 * 1 / 3, abs=0.01)
    assert decision.tier == "slow"
    assert entries["argument"].turn is not None
    assert all(entry.is_public for entry in entries.values())
    assert QuestionVector.objects.get().debate_id == debate.pk
    assert remember_debates(debate_ids=[debate.pk], now=timezone.now()) == 0


def test_the_next_debate_is_shown_it_in_the_first_round_alone(
    heard: Ears, server: ModelServer
) -> None:
    first = held(heard, server)
    assert not recalled(first)
    asked_before = len(server.seen)
    second = held(heard, server)
    (data,) = recalled(second)
    labels = [entry["label"] for entry in data["entries"]]
    assert labels == [f"M{number}" for number in range(1, len(labels) + 1)]
    assert {entry["debate_id"] for entry in data["entries"]} == {str(first.pk)}
    assert all(entry["why"] for entry in data["entries"])
    assert [one["slug"] for one in data["settled"]] == [first.slug]
    told = prompts(server)[asked_before:]
    assert all("<<<MEMORY M1 " in prompt for prompt in told[:3])
    assert not any("MEMORY M1" in prompt for prompt in told[3:])
    used = Entry.objects.filter(pk__in=[entry["id"] for entry in data["entries"]])
    assert {entry.total_uses for entry in used} == {1}


def test_a_debate_that_ignores_memory_is_shown_nothing(heard: Ears, server: ModelServer) -> None:
    held(heard, server)
    second = held(heard, server, use_memory=False)
    assert not recalled(second)
    assert "MEMORY" not in "".join(prompts(server))
    assert Entry.objects.filter(debate_id=second.pk).exists()


def test_memory_of_others_is_not_recalled(heard: Ears, server: ModelServer) -> None:
    alice, charlie = owned("alice"), owned("charlie")
    first = held(heard, server, **alice)
    again = held(heard, server, **alice)
    (data,) = recalled(again)
    assert {entry["debate_id"] for entry in data["entries"]} == {str(first.pk)}
    assert not recalled(held(heard, server, **charlie))
    assert not recalled(held(heard, server))
    # In public, alice's own debate says nothing of what she keeps to herself.
    public = held(heard, server, **{**alice, "visibility": Visibility.PUBLIC})
    for data in recalled(public):
        assert all(entry["debate_id"] != str(first.pk) for entry in data["entries"])
        assert all(one["debate_id"] != str(first.pk) for one in data["settled"])


def test_a_debate_for_the_team_is_shown_nothing_that_its_owner_keeps_to_herself(
    heard: Ears, server: ModelServer
) -> None:
    alice = make_user("alice")
    team, other = (Workspace.objects.create(name=name, slug=name) for name in ("team", "other"))
    for workspace in (team, other):
        Membership.objects.create(workspace=workspace, user=alice, role=Role.MEMBER)
    fields: dict[str, Any] = {"owner": alice, "workspace": team}
    held(heard, server, **fields, visibility=Visibility.PRIVATE)
    held(heard, server, **{**fields, "workspace": other}, visibility=Visibility.WORKSPACE)
    shown = held(heard, server, **fields, visibility=Visibility.WORKSPACE)
    assert not recalled(shown)
    # What the team may read, it is shown, and her own debates what is hers, too.
    (data,) = recalled(held(heard, server, **fields, visibility=Visibility.WORKSPACE))
    assert {entry["debate_id"] for entry in data["entries"]} == {str(shown.pk)}
    assert {one["debate_id"] for one in data["settled"]} == {str(shown.pk)}
    (data,) = recalled(held(heard, server, **fields, visibility=Visibility.PRIVATE))
    assert len(data["settled"]) == 3


@pytest.mark.parametrize("opened", ["public", "workspace", "link"])
def test_who_may_read_a_debate_later_does_not_read_what_it_was_shown(
    heard: Ears, server: ModelServer, opened: str
) -> None:
    alice = make_user("alice")
    team = Workspace.objects.create(name="team", slug="team")
    Membership.objects.create(workspace=team, user=alice, role=Role.MEMBER)
    fields: dict[str, Any] = {"owner": alice, "workspace": team}
    secret = held(heard, server, **fields, visibility=Visibility.PRIVATE)
    shown = held(heard, server, **fields, visibility=Visibility.PRIVATE)
    (before,) = recalled(shown)
    assert all(entry["content"] for entry in before["entries"])
    editing.update_debate(debate_id=shown.pk, actor=alice, visibility="private")
    assert recalled(shown) == [before]
    if opened == "link":
        sharing.share_debate(debate_id=shown.pk, actor=alice, now=timezone.now())
    else:
        editing.update_debate(debate_id=shown.pk, actor=alice, visibility=opened)
    (data,) = recalled(shown)
    assert len(data["entries"]) == len(before["entries"])
    assert str(secret.pk) not in str(data)
    assert not any(entry["content"] for entry in data["entries"])
    assert data["settled"] == []


def test_what_is_opened_while_it_waits_is_looked_up_again(
    heard: Ears, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = owned("alice")
    held(heard, server, **fields)
    debate = model_debate(server, question=QUESTION, **fields)
    recall = Recaller.recall

    def then_publish(*args: Any, **kwargs: Any) -> Any:
        found = recall(*args, **kwargs)
        editing.update_debate(debate_id=debate.pk, actor=fields["owner"], visibility="public")
        monkeypatch.setattr(Recaller, "recall", recall)
        return found

    monkeypatch.setattr(Recaller, "recall", then_publish)
    (loaded,) = take_waiting(holder="one:1", limit=1, now=timezone.now())
    assert not loaded.setup.recalled
    assert not recalled(debate)


def test_what_a_debate_left_moves_to_where_its_readers_are(
    heard: Ears, server: ModelServer
) -> None:
    alice = make_user("alice")
    team = Workspace.objects.create(name="team", slug="team")
    Membership.objects.create(workspace=team, user=alice, role=Role.MEMBER)
    debate = held(heard, server, owner=alice, workspace=team, visibility=Visibility.WORKSPACE)
    count = Entry.objects.count()
    assert count
    for visibility, kind in (("private", "user"), ("public", "workspace")):
        editing.update_debate(debate_id=debate.pk, actor=alice, visibility=visibility)
        entries = list(Entry.objects.select_related("scope"))
        assert [entry.scope.kind for entry in entries] == [kind] * count
        assert {entry.is_public for entry in entries} == {visibility == "public"}
        assert all(entry.vector for entry in entries)
        for scope in Scope.objects.all():
            held_there = sum(entry.size for entry in entries if entry.scope_id == scope.pk)
            assert sum(scope.bytes_of(tier) for tier in Tier) == held_there


def test_a_debate_that_is_taken_up_again_recalls_from_the_log(
    heard: Ears, server: ModelServer
) -> None:
    held(heard, server)
    now = timezone.now()
    debate = model_debate(server, question=QUESTION)
    (loaded,) = take_waiting(holder="dead:1", limit=1, now=now)
    assert loaded.setup.recalled
    Entry.objects.all().delete()
    claims.give_up(debate_id=debate.pk, fence=loaded.debate.fence, now=now)
    (again,) = take_waiting(holder="alive:1", limit=1, now=now + timedelta(minutes=1))
    assert again.setup.recalled == loaded.setup.recalled
    assert len(recalled(debate)) == 1


def test_what_does_not_fit_the_budget_is_left_out(heard: Ears, server: ModelServer) -> None:
    held(heard, server)
    debate = model_debate(server, question=QUESTION)
    setup = build_setup(debate)
    debate.delete()
    least = next(
        tokens
        for tokens in range(1000, 100_000, 20)
        if isinstance(next_step(replace(setup, budget_tokens=tokens), (), Spent()), Ask)
    )
    model_debate(server, question=QUESTION, budget_tokens=least)
    (loaded,) = take_waiting(holder="one:1", limit=1, now=timezone.now())
    assert loaded.setup.recalled == ()
    assert loaded.debate.phase == "draft"
    assert [data["entries"] for data in recalled(loaded.debate)] == [
        []
    ]  # But where it was settled.


def test_nothing_is_recalled_where_that_is_configured(
    heard: Ears, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(heard, server)
    monkeypatch.setattr(settings, "ARAGORA", replace(settings.ARAGORA, memory_recall_tokens=0))
    assert not recalled(held(heard, server))


def test_a_debate_whose_worker_died_too_soon_is_remembered_later(
    heard: Ears, server: ModelServer
) -> None:
    debate = held(heard, server)
    Entry.objects.all().delete()
    QuestionVector.objects.all().delete()
    assert remember_missed(now=timezone.now()) == 1
    assert Entry.objects.filter(debate_id=debate.pk).exists()
    assert remember_missed(now=timezone.now()) == 0


def test_a_debate_that_cannot_be_remembered_holds_up_no_other(
    heard: Ears, server: ModelServer
) -> None:
    broken, whole = held(heard, server), held(heard, server)
    Entry.objects.all().delete()
    QuestionVector.objects.all().delete()
    broken.verdict.delete()
    with capture_logs() as logs:
        assert remember_missed(now=timezone.now()) == 1
        for _ in range(MOST_TRIES):
            assert remember_missed(now=timezone.now()) == 0
    assert {entry.debate_id for entry in Entry.objects.all()} == {whole.pk}
    failed = [entry for entry in logs if entry["event"] == "debate_not_remembered"]
    assert [entry["debate_ids"] for entry in failed] == [[str(broken.pk)]] * MOST_TRIES


def test_memory_follows_the_debate_when_it_is_published_and_deleted(
    heard: Ears, server: ModelServer
) -> None:
    fields = owned("alice")
    alice: User = fields["owner"]
    debate = held(heard, server, **fields)
    assert not Entry.objects.filter(is_public=True).exists()
    editing.update_debate(debate_id=debate.pk, actor=alice, visibility="public")
    assert not Entry.objects.filter(is_public=False).exists()
    editing.delete_debate(debate_id=debate.pk, actor=alice)
    assert not Entry.objects.exists()


def test_a_failed_debate_leaves_nothing(heard: Ears, server: ModelServer) -> None:
    server.script(*(Behaviour(status=400, model=model) for model in ("ada-large", "ben-small")))
    with Worker():
        debate = model_debate(server, question=QUESTION)
        assert heard.wait_for_end(debate.pk).status == DebateStatus.FAILED
    assert not Entry.objects.exists()


def test_a_hanging_embedder_does_not_hold_the_queue_up(
    heard: Ears, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(heard, server)
    reset_service()
    monkeypatch.setattr("debates.running.recalling.EMBEDDING_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # It accepts, and says nothing.
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        chosen = replace(settings.ARAGORA, embedder="provider", openai_base_url=address)
        monkeypatch.setattr(settings, "ARAGORA", chosen)
        model_debate(server, question=QUESTION)
        (loaded,) = take_waiting(holder="one:1", limit=1, now=timezone.now())
        assert loaded.setup.recalled  # by its words
