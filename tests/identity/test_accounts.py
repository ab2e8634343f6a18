"""Accounts on the pages and over HTTP: made, signed in to, changed, found again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone

from ratelimit import sending
from ratelimit.keys import find_key
from ratelimit.models import ApiKey, Membership, Role
from tests.api.conftest import Api
from tests.factories import PASSWORD, make_api_key, make_user

pytestmark = pytest.mark.django_db

SignIn = Callable[[User | None], Api]
REGISTER, LOGIN = "/api/v1/auth/register", "/api/v1/auth/login"
GOOD = {"email": "alice@example.org", "password": PASSWORD}


@pytest.fixture
def posted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the thread that sends."""
    later = sending.send_later
    module = "debates.web.account_forms.send_later"
    monkeypatch.setattr(module, lambda *args, **kwargs: later(*args, **kwargs).join(10))


# --- Over HTTP ---------------------------------------------------------------------------------


def test_registering_makes_an_account_with_a_workspace_and_signs_in() -> None:
    made = Api().post(REGISTER, {**GOOD, "name": "Alice A."})
    assert made.status_code == 201, made.content
    told = made.json()
    user = User.objects.get()
    assert (told["user"]["username"], told["user"]["name"]) == ("alice", "Alice A.")
    assert Membership.objects.get(user=user).role == Role.OWNER
    token = {"authorization": f"Bearer {told['access_token']}"}
    assert Api().get("/api/v1/auth/me", **token).json()["user"]["email"] == GOOD["email"]
    assert "sessionid" not in made.cookies


def test_it_tells_nobody_whose_address_is_known() -> None:
    first, second = Api().post(REGISTER, GOOD), Api().post(REGISTER, GOOD)
    assert (first.status_code, second.status_code) == (201, 201)
    assert set(first.json()) == set(second.json())
    assert second.json()["user"]["username"].startswith("alice-")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"password": "12345678901"}, "password"),
        ({"password": "alice@example.org"}, "password"),
        ({"password": "x" * 5000}, "password"),
        ({"username": "-"}, "username"),
        ({"username": "Bob"}, "username"),
        ({"name": "x" * 151}, "name"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, str], field: str) -> None:
    make_user("bob")
    answer = Api().post(REGISTER, GOOD | change)
    assert answer.status_code == 400, answer.content
    assert [fault["field"] for fault in answer.json()["errors"]] == [field] * len(
        answer.json()["errors"]
    )
    assert User.objects.count() == 1
    assert change.get("password", "x" * 99) not in answer.content.decode()


def test_registration_can_be_closed(settings: Any) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, allow_registration=False)
    refused = Api().post(REGISTER, GOOD)
    assert (refused.status_code, refused.json()["code"]) == (403, "registration_closed")
    page = Client().post("/register/", {**GOOD, "username": "alice"})
    assert page.status_code == 403
    assert b"register" not in Client().get("/sign-in/").content
    assert not User.objects.exists()


@pytest.mark.parametrize("name", [{"username": "alice"}, {"email": "Alice@Example.org"}])
def test_signing_in_by_name_or_address(alice: User, name: dict[str, str]) -> None:
    User.objects.update(email="alice@example.org")
    told = Api().post(LOGIN, {**name, "password": PASSWORD}).json()
    key = find_key(told["access_token"], now=timezone.now())
    assert key is not None
    assert key.user == alice
    assert told["expires_in"] == 24 * 3600


def test_one_address_of_two_accounts_is_told_apart_by_the_password(alice: User, bob: User) -> None:
    User.objects.update(email="shared@example.org")
    bob.set_password("another horse battery")
    bob.email = "shared@example.org"
    bob.save()
    body = {"email": "shared@example.org", "password": "another horse battery"}
    assert Api().post(LOGIN, body).json()["user"]["username"] == "bob"


@pytest.mark.parametrize("name", ["alice", "nobody", "alice@example.org", "a\ud800"])
def test_wrong_answers_are_all_the_same(alice: User, name: str) -> None:
    answer = Api().post(LOGIN, {"username": name, "password": "wrong"})
    if answer.status_code != 400:
        assert (answer.status_code, answer.json()["error"]) == (
            401,
            "That name and password do not go together.",
        )


def test_logging_out_ends_the_sign_in_alone(alice: User) -> None:
    told = Api().post(LOGIN, {"username": "alice", "password": PASSWORD}).json()
    token = {"authorization": f"Bearer {told['access_token']}"}
    assert Api().post("/api/v1/auth/logout", **token).status_code == 200
    assert Api().get("/api/v1/auth/me", **token).status_code == 401

    _, named = make_api_key(alice)
    kept = Api().post("/api/v1/auth/logout", authorization=f"Bearer {named}")
    assert kept.status_code == 409
    assert find_key(named, now=timezone.now()) is not None


def test_logging_out_of_a_session(sign_in: SignIn, alice: User) -> None:
    api = sign_in(alice)
    assert api.post("/api/v1/auth/logout").status_code == 200
    assert api.get("/api/v1/auth/me").status_code == 401


def test_a_new_password_ends_what_stood_on_the_old_one(sign_in: SignIn, alice: User) -> None:
    here, there = sign_in(alice), sign_in(alice)
    login = here.post(LOGIN, {"username": "alice", "password": PASSWORD}).json()["access_token"]
    _, named = make_api_key(alice)
    body = {"current_password": PASSWORD, "new_password": "another horse battery"}
    assert here.post("/api/v1/auth/password/change", body).status_code == 200

    assert here.get("/api/v1/auth/me").status_code == 200
    assert there.get("/api/v1/auth/me").status_code == 401
    assert find_key(login, now=timezone.now()) is None
    assert find_key(named, now=timezone.now()) is not None
    alice.refresh_from_db()
    assert alice.check_password("another horse battery")


def test_a_sign_in_ends_with_a_password_that_was_set_elsewhere(alice: User) -> None:
    token = Api().post(LOGIN, {"username": "alice", "password": PASSWORD}).json()["access_token"]
    alice.set_password("another horse battery")
    alice.save()
    assert ApiKey.objects.get().revoked_at is None
    assert find_key(token, now=timezone.now()) is None


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("wrong", "another horse battery", "current_password"), (PASSWORD, "short", "new_password")],
)
def test_a_password_is_not_changed_by_halves(
    sign_in: SignIn, alice: User, current: str, new: str, field: str
) -> None:
    body = {"current_password": current, "new_password": new}
    answer = sign_in(alice).post("/api/v1/auth/password/change", body)
    assert answer.json()["errors"][0]["field"] == field
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_tries_are_bounded_by_address_over_http_too(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    wrong = {"username": "alice", "password": "wrong"}
    codes = {Api().post(LOGIN, wrong).status_code for _ in range(10)}
    assert codes == {401}
    # The form on the page counts with it.
    assert Client().post("/sign-in/", wrong).status_code == 429
    limited = Api().post(LOGIN, wrong)
    assert (limited.status_code, limited.json()["code"]) == (429, "rate_limited")
    assert int(limited["Retry-After"]) >= 1
    # Alice, from elsewhere, gets in.
    client = Client(REMOTE_ADDR="198.51.100.1")
    right = {"username": "alice", "password": PASSWORD}
    assert Api(client).post(LOGIN, right).status_code == 200


# --- On the pages ------------------------------------------------------------------------------


def test_registering_on_the_page_leads_back() -> None:
    client = Client()
    form = {"username": "alice", "email": "a@example.org", "password": PASSWORD}
    answer = client.post("/register/", {**form, "next": "/debates/"})
    assert (answer.status_code, answer["Location"]) == (302, "/debates/")
    assert client.get("/account/").status_code == 200


@pytest.mark.parametrize("path", ["/register/", "/sign-in/"])
@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"],
)
def test_nobody_is_led_to_another_site(path: str, elsewhere: str) -> None:
    make_user("bob")
    form = {"username": "alice", "email": "a@example.org", "password": PASSWORD}
    if path == "/sign-in/":
        form["username"] = "bob"
    answer = Client().post(path, {**form, "next": elsewhere})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_forgotten_password(alice: User, posted_at_once: None) -> None:
    User.objects.update(email="alice@example.org")
    client = Client()
    answer = client.post("/password/forgotten/", {"email": "alice@example.org"})
    assert answer["Location"] == "/password/sent/"
    found = re.search(r"http://testserver(/password/new/\S+)", str(mail.outbox[0].body))
    assert found
    form = client.get(found[1], follow=True)
    assert b"New password" in form.content
    done = client.post(form.request["PATH_INFO"], {"new_password": "another horse battery"})
    assert done["Location"] == "/sign-in/"
    assert b"The new password is set" in client.get("/sign-in/").content
    alice.refresh_from_db()
    assert alice.check_password("another horse battery")
    assert b"used up" in Client().get(found[1], follow=True).content


@pytest.mark.parametrize("server", ["", "smtp://mail.example.org"])
def test_the_page_says_whether_a_message_can_arrive(settings: Any, server: str) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, email_url=server)
    for path in ("/password/forgotten/", "/password/sent/"):
        assert ("sends no e-mail" in Client().get(path).content.decode()) is not bool(server)
    sent = Client().get("/password/sent/").content.decode()
    assert ("a message is on its way" in sent) is bool(server)
    assert ("ARAGORA_EMAIL_URL" in sent) is not bool(server)


def test_nobody_learns_from_it_who_is_known(alice: User, posted_at_once: None) -> None:
    User.objects.update(email="alice@example.org")
    answers = [
        Client().post("/password/forgotten/", {"email": address})
        for address in ("alice@example.org", "nobody@example.org")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, "/password/sent/")
    }
    assert len(mail.outbox) == 1


def test_a_bad_new_password_is_refused(alice: User, posted_at_once: None) -> None:
    User.objects.update(email="alice@example.org")
    client = Client()
    client.post("/password/forgotten/", {"email": "alice@example.org"})
    found = re.search(r"http://testserver(/password/new/\S+)", str(mail.outbox[0].body))
    assert found
    form = client.get(found[1], follow=True)
    refused = client.post(form.request["PATH_INFO"], {"new_password": "12345"})
    assert b"too short" in refused.content
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_the_account_page_changes_the_account(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice).client
    client.post("/account/", {"display_name": "<b>Al</b>", "email": "al@example.org"})
    alice.refresh_from_db()
    assert (alice.first_name, alice.email) == ("<b>Al</b>", "al@example.org")
    assert b"<b>Al</b>" not in client.get("/account/").content
    wrong = client.post("/account/", {"display_name": "Al", "email": "nobody"})
    assert b"errors" in wrong.content


def test_changing_the_password_on_the_page(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice).client
    wrong = {"current_password": "wrong", "new_password": "another horse battery"}
    assert b"not your current password" in client.post("/account/password/", wrong).content
    right = wrong | {"current_password": PASSWORD}
    assert client.post("/account/password/", right)["Location"] == "/account/"
    assert client.get("/account/").status_code == 200


def test_a_key_made_on_the_page_is_in_that_answer_alone(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice).client
    client.get("/account/keys/")
    workspace = Membership.objects.get(user=alice).workspace.slug
    form = {"name": "nightly", "workspace": workspace, "scope": "read", "lifetime": "30"}
    made = client.post("/account/keys/", form)
    found = re.search(r"ara_[0-9a-f]{12}_[\w-]{43}", made.content.decode())
    assert found
    assert "no-store" in made["Cache-Control"]
    key = find_key(found[0], now=timezone.now())
    assert key is not None
    assert (key.scope, key.expires_at is not None) == ("read", True)
    assert found[0] not in client.get("/account/keys/").content.decode()
    client.post(f"/account/keys/{key.pk}/revoke/")
    assert find_key(found[0], now=timezone.now()) is None
