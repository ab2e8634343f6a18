"""Memory over HTTP: whose it is, what may be done with it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from memory.models import Entry, EntryEvent
from ratelimit.models import Membership, Role, Workspace
from ratelimit.workspaces import personal_workspace
from tests import factories
from tests.api.conftest import Api

TRAM = "The council decided to build the tram."


def signed_in(user: User) -> Api:
    api = Api()
    api.client.force_login(user)
    return api


@pytest.fixture
def as_alice(alice: User) -> Api:
    return signed_in(alice)


@pytest.fixture
def as_charlie(db: None) -> Api:
    return signed_in(factories.make_user("charlie"))


def stored(api: Api, content: str = TRAM, **fields: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/memory/store", {"content": content, "tier": "slow", **fields})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def found(api: Api, query: str) -> list[str]:
    answer = api.get("/api/v1/memory/search", {"q": query})
    assert answer.status_code == 200
    return [item["content"] for item in answer.json()["results"]]


def test_what_is_stored_is_found_with_its_reason(as_alice: Api) -> None:
    made = stored(as_alice, importance=0.7)
    for path, name in (("search", "q"), ("continuum/retrieve", "query")):
        answer = as_alice.get(f"/api/v1/memory/{path}", {name: "the tram", "limit": 5}).json()
        assert answer["results"] == answer["memories"]
        (item,) = answer["results"]
        assert (item["id"], item["tier"], item["importance"]) == (made["id"], "slow", 0.7)
        assert item["score"] > 0.9
        assert "terms" in item["why"]
        assert item["expires_at"] > item["created_at"]


def test_a_stranger_sees_and_changes_nothing(as_alice: Api, as_charlie: Api) -> None:
    key = stored(as_alice)["id"]
    assert found(as_alice, "tram") == [TRAM]
    assert found(as_charlie, "tram") == []
    assert found(Api(), "tram") == []
    calls = [
        ("DELETE", f"/api/v1/memory/continuum/{key}", None),
        ("POST", f"/api/v1/memory/{key}/promote", {"target_tier": "glacial"}),
        ("POST", f"/api/v1/memory/{key}/pin", {}),
    ]
    for api in (as_charlie, Api()):
        for method, path, body in calls:
            assert api.send(method, path, body).status_code == 404
    stats = as_charlie.get("/api/v1/memory/tier-stats").json()
    assert (stats["total_memories"], stats["total_bytes"]) == (0, 0)
    assert as_charlie.get("/api/v1/memory/entries").json()["total"] == 0
    assert Entry.objects.get().tier == "slow"


def test_a_team_shares_its_workspace(alice: User, as_alice: Api) -> None:
    bob = factories.make_user("bob")
    team = Workspace.objects.create(name="Team", slug="team")
    for user in (alice, bob):
        Membership.objects.create(workspace=team, user=user, role=Role.MEMBER)
    stored(as_alice, workspace_id=str(team.pk))
    stored(as_alice, "Alice alone likes the tram.")
    assert found(signed_in(bob), "tram") == [TRAM]
    stranger = signed_in(factories.make_user("charlie"))
    answer = stranger.post("/api/v1/memory/store", {"content": TRAM, "workspace_id": str(team.pk)})
    assert answer.status_code == 404


def test_who_only_reads_a_workspace_changes_nothing_in_its_memory(
    alice: User, as_alice: Api
) -> None:
    dora = factories.make_user("dora")
    team = Workspace.objects.create(name="Team", slug="team")
    for user, role in ((alice, Role.MEMBER), (dora, Role.VIEWER)):
        Membership.objects.create(workspace=team, user=user, role=role)
    key = stored(as_alice, workspace_id=str(team.pk))["id"]
    as_dora = signed_in(dora)
    assert found(as_dora, "tram") == [TRAM]
    body = {"content": "The tram is bad.", "workspace_id": str(team.pk)}
    assert as_dora.post("/api/v1/memory/store", body).status_code == 403
    assert as_dora.post(f"/api/v1/memory/{key}/promote", {}).status_code == 404
    assert as_dora.post(f"/api/v1/memory/{key}/pin", {"pinned": True}).status_code == 404
    assert as_dora.send("DELETE", f"/api/v1/memory/continuum/{key}").status_code == 404
    as_dora.client.post(f"/memory/{key}/change/", {"action": "forget"})
    entry = Entry.objects.get()
    assert (entry.tier, entry.pinned) == ("slow", False)


def test_a_key_reaches_the_memory_of_its_workspace_alone(alice: User, as_alice: Api) -> None:
    team = Workspace.objects.create(name="Team", slug="team")
    Membership.objects.create(workspace=team, user=alice, role=Role.OWNER)
    own = stored(as_alice, "Alice alone likes the tram.")["id"]
    _, token = factories.make_api_key(alice, workspace=team)
    bearer = {"authorization": f"Bearer {token}"}
    program = Api()

    def seen() -> list[str]:
        answer = program.get("/api/v1/memory/search", {"q": "tram"}, **bearer)
        return [item["content"] for item in answer.json()["results"]]

    assert seen() == []
    assert program.send("DELETE", f"/api/v1/memory/continuum/{own}", **bearer).status_code == 404
    made = program.post("/api/v1/memory/store", {"content": TRAM, "tier": "slow"}, **bearer)
    assert made.status_code == 201
    assert Entry.objects.get(pk=int(made.json()["id"])).workspace_id == team.pk
    elsewhere = {"content": TRAM, "workspace_id": str(personal_workspace(alice).pk)}
    assert program.post("/api/v1/memory/store", elsewhere, **bearer).status_code == 404
    assert seen() == [TRAM]


def test_promote_pin_and_forget(as_alice: Api) -> None:
    key = stored(as_alice)["id"]
    promote = f"/api/v1/memory/{key}/promote"
    assert as_alice.post(promote, {"target_tier": "glacial"}).json()["tier"] == "glacial"
    assert as_alice.post(promote, {"target_tier": "eternal"}).status_code == 400
    pinned = as_alice.post(f"/api/v1/memory/{key}/pin", {"pinned": True}).json()["memory"]
    assert (pinned["pinned"], pinned["expires_at"]) == (True, None)
    forgotten = as_alice.send("DELETE", f"/api/v1/memory/continuum/{key}")
    assert forgotten.json()["success"] is True
    assert found(as_alice, "tram") == []
    assert as_alice.send("DELETE", f"/api/v1/memory/continuum/{key}").status_code == 404
    assert EntryEvent.objects.first().move == "forgotten"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": ""}, "content"),
        ({"content": "x" * 11_000, "tier": "fast"}, "content"),
        ({"content": "x", "tier": "eternal"}, "tier"),
        ({"content": "x", "importance": 2}, "importance"),
    ],
)
def test_bad_input_is_named(as_alice: Api, body: dict[str, Any], field: str) -> None:
    answer = as_alice.post("/api/v1/memory/store", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Entry.objects.exists()


def test_a_tier_that_is_full_of_better_things_refuses(
    as_alice: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(settings.ARAGORA, memory_slow_bytes=1024)
    monkeypatch.setattr(settings, "ARAGORA", small)
    stored(as_alice, "x" * 1000, importance=1.0)
    answer = as_alice.post(
        "/api/v1/memory/store", {"content": "y" * 100, "tier": "slow", "importance": 0.1}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "memory_tier_full")
    pressure = as_alice.get("/api/v1/memory/pressure").json()
    assert (pressure["level"], pressure["tiers"]["fast"]) == ("critical", 0)
    assert pressure["recommendations"]


def test_figures(as_alice: Api) -> None:
    stored(as_alice)
    stats = as_alice.get("/api/v1/memory/stats").json()
    slow = next(tier for tier in stats["tiers"] if tier["name"] == "slow")
    assert (slow["count"], slow["bytes"]) == (1, len(TRAM))
    assert (slow["max_bytes"], slow["ttl_seconds"]) == (1024**2, 86_400)
    assert stats["moves_24h"]["stored"] == 1
    assert as_alice.post("/api/v1/memory/consolidate").json()["success"] is True


def test_who_is_not_signed_in_writes_only_where_that_is_allowed(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(Api())
    assert found(Api(), "tram") == [TRAM]
    closed = replace(settings.ARAGORA, allow_anonymous_debates=False)
    monkeypatch.setattr(settings, "ARAGORA", closed)
    assert Api().post("/api/v1/memory/store", {"content": TRAM}).status_code == 401
    key = Entry.objects.get().pk
    assert Api().send("DELETE", f"/api/v1/memory/continuum/{key}").status_code == 401


@pytest.mark.parametrize("key", ["0", "abc", "9" * 30, "١"])
def test_keys_that_name_nothing(as_alice: Api, key: str) -> None:
    assert as_alice.send("DELETE", f"/api/v1/memory/continuum/{key}").status_code == 404
