"""Operators set tiers, make and revoke keys; the secret of a key is shown once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from ratelimit.callers import tiers
from ratelimit.keys import find_key
from ratelimit.models import ApiKey, KeyKind, Membership, Workspace
from ratelimit.tiers import Tier
from ratelimit.workspaces import personal_workspace
from tests import factories

pytestmark = pytest.mark.django_db

KEYS = "/admin/ratelimit/apikey/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(factories.make_user("root", superuser=True))
    return client


def test_lists_and_rows_can_be_seen(client: Client) -> None:
    alice = factories.make_user()
    key, _ = factories.make_api_key(alice)
    member = Membership.objects.get(user=alice)
    for model, pk in (
        ("workspace", member.workspace_id), ("membership", member.pk), ("apikey", key.pk)
    ):  # fmt: skip
        assert client.get(f"/admin/ratelimit/{model}/", {"q": "alice"}).status_code == 200
        page = client.get(f"/admin/ratelimit/{model}/{pk}/change/")
        assert page.status_code == 200
        assert key.digest not in page.content.decode()


def test_the_tier_of_a_person_is_that_of_their_workspace(client: Client) -> None:
    alice = factories.make_user()
    workspace = personal_workspace(alice)
    assert tiers.of(alice.pk) == Tier.AUTHENTICATED
    form = {"name": "alice", "slug": workspace.slug, "tier": "premium"}
    member = workspace.memberships.get()
    inline = {
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(member.pk), "memberships-0-workspace": str(workspace.pk),
        "memberships-0-user": str(member.user_id), "memberships-0-role": "owner",
    }  # fmt: skip
    answer = client.post(f"/admin/ratelimit/workspace/{workspace.pk}/change/", {**form, **inline})
    assert answer.status_code == 302, answer.content
    assert Workspace.objects.get(pk=workspace.pk).tier == "premium"
    assert tiers.of(alice.pk) == Tier.PREMIUM


def test_an_operator_makes_an_internal_key_and_sees_it_once(client: Client) -> None:
    alice = factories.make_user()
    form = {"name": "importer", "user": alice.pk, "kind": "internal", "scope": "write"}
    made = client.post(f"{KEYS}add/", form | {"expires_at_0": "", "expires_at_1": ""})
    found = re.search(r"ara_[0-9a-f]{12}_[\w-]{43}", made.content.decode())
    assert found, made.content
    assert made.status_code == 201
    assert "no-store" in made["Cache-Control"]
    key = find_key(found[0], now=timezone.now())
    assert key is not None
    assert (key.user, key.kind, ApiKey.objects.count()) == (alice, KeyKind.INTERNAL, 1)
    pages = client.get(KEYS).content + client.get(f"{KEYS}{key.pk}/change/").content
    logged = str(list(LogEntry.objects.values()))
    assert found[0] not in pages.decode() + logged


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "key"}, b"Choose the workspace"),
        ({"kind": "key", "foreign": True}, b"does not belong"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}, b"in the future"),
        ({"kind": "sign_in"}, b"Select a valid choice"),
    ],
)
def test_a_wrong_key_is_not_made(client: Client, change: dict[str, Any], sentence: bytes) -> None:
    alice = factories.make_user()
    if change.pop("foreign", False):
        change["workspace"] = str(personal_workspace(factories.make_user("charlie")).pk)
    form = {"name": "importer", "user": alice.pk, "kind": "internal", "scope": "write"}
    answer = client.post(f"{KEYS}add/", form | change)
    assert sentence in answer.content
    assert not ApiKey.objects.exists()


def test_keys_are_revoked_and_never_changed_or_deleted(client: Client) -> None:
    key, token = factories.make_api_key(factories.make_user())
    assert client.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{KEYS}{key.pk}/change/", {"name": "other"}).status_code == 403
    client.post(KEYS, {"action": "revoke_keys", "_selected_action": [str(key.pk)]})
    assert find_key(token, now=timezone.now()) is None
