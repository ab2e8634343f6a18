"""A key is shown once, reaches as far as it says, and is dead at once when it is revoked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from debates.choices import Visibility
from debates.models import Debate
from ratelimit.keys import USE_NOTED_EVERY, find_key
from ratelimit.models import ApiKey, KeyKind, Membership, Role, Scope, Workspace
from ratelimit.workspaces import personal_workspace
from tests.api.conftest import Api
from tests.factories import make_api_key, make_debate, make_user

pytestmark = pytest.mark.django_db

SignIn = Callable[[User | None], Api]
KEYS = "/api/v1/auth/api-keys"
QUESTION = {"task": "Should the town build the tram?"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_key_is_shown_once_and_stored_by_its_hash(sign_in: SignIn, alice: User) -> None:
    api = sign_in(alice)
    made = api.post(KEYS, {"name": "nightly"})
    token = made.json()["key"]
    assert made.status_code == 201
    assert token.startswith("ara_")

    assert token not in api.get(KEYS).content.decode()
    row = ApiKey.objects.get()
    stored = serializers.serialize("json", [row])
    assert token not in stored
    assert token.split("_", 2)[2] not in stored  # Which may have more of them in it.
    assert len(row.digest) == 64


def test_a_key_speaks_for_its_user(alice: User, panel: Any) -> None:
    _, token = make_api_key(alice)
    made = Api().post("/api/v1/debates", QUESTION, **bearer(token))
    assert made.status_code == 201, made.content
    debate = Debate.objects.get()
    assert (debate.owner, debate.workspace) == (alice, personal_workspace(alice))
    assert Api().get("/api/v1/auth/me", **bearer(token)).json()["username"] == "alice"


@pytest.mark.parametrize("change", ["secret", "prefix", "scheme", "case"])
def test_a_key_that_is_nearly_right_is_wrong(alice: User, change: str) -> None:
    _, token = make_api_key(alice)
    start, prefix, secret = token.split("_", 2)
    wrong = {
        "secret": f"{start}_{prefix}_{'x' * 43}",
        "prefix": f"{start}_{'0' * 12}_{secret}",
        "scheme": token.replace("ara_", "arb_"),
        "case": token.swapcase(),
    }[change]
    answer = Api().get("/api/v1/debates", **bearer(wrong))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
    assert wrong not in answer.content.decode()


def test_a_revoked_key_is_dead_at_once(sign_in: SignIn, alice: User) -> None:
    key, token = make_api_key(alice)
    assert Api().get("/api/v1/debates", **bearer(token)).status_code == 200
    assert sign_in(alice).send("DELETE", f"{KEYS}/{key.pk}").status_code == 200
    assert Api().get("/api/v1/debates", **bearer(token)).status_code == 401
    assert sign_in(alice).get(KEYS).json()["keys"] == []


def expire(key: ApiKey) -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate(key: ApiKey) -> None:
    User.objects.update(is_active=False)


def leave_workspace(key: ApiKey) -> None:
    Membership.objects.filter(workspace=key.workspace).delete()


@pytest.mark.parametrize("lose", [expire, deactivate, leave_workspace])
def test_a_key_ends_with_what_it_stands_on(
    alice: User, team: Workspace, lose: Callable[[ApiKey], None]
) -> None:
    key, token = make_api_key(alice, workspace=team)
    assert find_key(token, now=timezone.now()) is not None
    lose(key)
    assert find_key(token, now=timezone.now()) is None


def test_another_person_cannot_revoke_it(sign_in: SignIn, alice: User, charlie: User) -> None:
    key, token = make_api_key(alice)
    assert sign_in(charlie).send("DELETE", f"{KEYS}/{key.pk}").status_code == 404
    assert sign_in(charlie).send("DELETE", f"{KEYS}/nothing").status_code == 404
    assert find_key(token, now=timezone.now()) is not None


@pytest.mark.parametrize(
    ("scope", "writes", "manages"),
    [("read", 403, 403), ("write", 201, 403), ("admin", 201, 200)],
)
def test_a_scope_is_a_bound(alice: User, panel: Any, scope: str, writes: int, manages: int) -> None:
    _, token = make_api_key(alice, scope=scope)
    headers = bearer(token)
    assert Api().get("/api/v1/debates", **headers).status_code == 200
    made = Api().post("/api/v1/debates", QUESTION, **headers)
    assert made.status_code == writes
    if writes == 403:
        assert made.json()["code"] == "insufficient_scope"
        assert not Debate.objects.exists()
    assert Api().get(KEYS, **headers).status_code == manages
    assert Api().post(KEYS, {"name": "x"}, **headers).status_code in (manages, 201)
    profile = Api().send("PATCH", "/api/v1/auth/me", {"name": "Al"}, **headers)
    assert profile.status_code == manages


def test_a_key_reaches_its_workspace_alone(alice: User, team: Workspace) -> None:
    own = personal_workspace(alice)
    make_debate("My own?", owner=alice, workspace=own, visibility=Visibility.PRIVATE)
    make_debate("Ours?", owner=alice, workspace=team, visibility=Visibility.PRIVATE)
    make_debate("Everybody's?")
    seen = {}
    for workspace in (own, team):
        _, token = make_api_key(alice, workspace=workspace)
        found = Api().get("/api/v1/debates", **bearer(token)).json()["debates"]
        seen[workspace.slug] = {debate["task"] for debate in found}
    assert seen == {own.slug: {"My own?", "Everybody's?"}, "trams": {"Ours?", "Everybody's?"}}


def test_a_key_starts_debates_in_its_workspace_alone(
    alice: User, team: Workspace, panel: Any
) -> None:
    _, token = make_api_key(alice, workspace=team)
    made = Api().post("/api/v1/debates", QUESTION, **bearer(token))
    assert Debate.objects.get(pk=made.json()["id"]).workspace == team
    elsewhere = {**QUESTION, "workspace": personal_workspace(alice).slug}
    refused = Api().post("/api/v1/debates", elsewhere, **bearer(token))
    assert refused.json()["errors"][0]["field"] == "workspace"
    _, admin = make_api_key(alice, workspace=team, scope=Scope.ADMIN)
    grab = Api().post(KEYS, {"name": "x"}, **bearer(admin))
    assert grab.status_code == 400


def test_a_staff_key_of_a_workspace_steers_nobody_elses(charlie: User, team: Workspace) -> None:
    staff = make_user("root", staff=True)
    _, token = make_api_key(staff)
    debate = make_debate(owner=charlie, workspace=personal_workspace(charlie))
    answer = Api().post(f"/api/v1/debates/{debate.pk}/cancel", **bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_its_use_is_noted_once_a_minute(alice: User, django_assert_num_queries: Any) -> None:
    key, token = make_api_key(alice)
    now = timezone.now()
    with django_assert_num_queries(2):
        find_key(token, now=now)
    with django_assert_num_queries(1):
        find_key(token, now=now + timedelta(seconds=30))
    key.refresh_from_db()
    assert key.last_used_at == now
    find_key(token, now=now + USE_NOTED_EVERY)
    key.refresh_from_db()
    assert key.last_used_at == now + USE_NOTED_EVERY


def test_a_key_counts_on_no_page(alice: User) -> None:
    _, token = make_api_key(alice)
    answer = Client().get("/account/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 302


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "scope": "root"}, "scopes"),
        ({"name": "x", "scopes": ["read", "root"]}, "scopes"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"name": "x", "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "workspace": "nowhere"}, "workspace"),
    ],
)
def test_bad_input_makes_no_key(
    sign_in: SignIn, alice: User, body: dict[str, Any], field: str
) -> None:
    answer = sign_in(alice).post(KEYS, body)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"] == field
    assert not ApiKey.objects.exists()


def test_only_an_operator_makes_internal_keys(
    sign_in: SignIn, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    made = sign_in(alice).post(KEYS, {"name": "x", "kind": "internal"})
    assert made.json()["kind"] == "key"
    call_command("create_internal_key", "importer", user="alice")
    token = capsys.readouterr().out.strip().splitlines()[-1]
    key = find_key(token, now=timezone.now())
    assert key is not None
    assert (key.kind, key.user) == (KeyKind.INTERNAL, alice)


def test_a_viewer_s_key_may_only_read(dora: User, team: Workspace, panel: Any) -> None:
    _, token = make_api_key(dora, workspace=team, scope=Scope.ADMIN)
    refused = Api().post("/api/v1/debates", QUESTION, **bearer(token))
    assert refused.json()["errors"] == [
        {"field": "workspace", "message": "You may only read in this workspace."}
    ]
    assert Membership.objects.get(user=dora, workspace=team).role == Role.VIEWER


def test_no_key_stays_in_the_answers_kept_for_repeats(
    sign_in: SignIn, alice: User, panel: Any
) -> None:
    """`Idempotency-Key` stores answers; those with a secret are not among them."""
    from debates.models import IdempotencyRecord

    made = sign_in(alice).post(KEYS, {"name": "x"}, idempotency_key="one")
    kept = json.dumps(list(IdempotencyRecord.objects.values("body")))
    assert made.json()["key"] not in kept
