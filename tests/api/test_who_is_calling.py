"""Sessions with their CSRF token, keys that are not valid, and callers who are nobody."""

import dataclasses
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.models import Debate
from tests.api.conftest import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

QUESTION = {"task": "Should the town build the tram?"}


@pytest.fixture
def alices_browser(alice: User) -> Api:
    """alice's browser, with the checks that a test client usually goes without."""
    api = Api(Client(enforce_csrf_checks=True))
    api.client.force_login(alice)
    return api


def token_of(api: Api) -> str:
    """The token that the API's own page brings."""
    page = api.client.get("/api/docs").content.decode()
    return page.split('data-csrf-token="')[1].split('"')[0]


def test_a_session_needs_its_csrf_token(alices_browser: Api) -> None:
    refused = alices_browser.post("/api/v1/debates", QUESTION)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert not Debate.objects.exists()

    made = alices_browser.post("/api/v1/debates", QUESTION, x_csrftoken=token_of(alices_browser))
    assert made.status_code == 201, made.content
    assert Debate.objects.get().owner is not None


def test_a_wrong_token_is_refused(alices_browser: Api) -> None:
    token_of(alices_browser)
    assert alices_browser.post("/api/v1/debates", QUESTION, x_csrftoken="x" * 64).status_code == 403


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_every_unsafe_method_needs_it(alices_browser: Api, method: str) -> None:
    assert alices_browser.send(method, "/api/v1/debates/x", {}).status_code == 403


def test_reading_needs_none(alices_browser: Api) -> None:
    assert alices_browser.get("/api/v1/debates").status_code == 200


def test_somebody_who_is_not_signed_in_needs_none() -> None:
    nobody = Api(Client(enforce_csrf_checks=True))
    assert nobody.post("/api/v1/debates", QUESTION).status_code == 201


def test_a_page_of_another_site_may_not_speak_for_its_visitor(anybody: Api) -> None:
    refused = anybody.post("/api/v1/debates", QUESTION, sec_fetch_site="cross-site")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    for same in ("same-origin", "none"):
        assert anybody.post("/api/v1/debates", QUESTION, sec_fetch_site=same).status_code == 201


@pytest.mark.parametrize(
    "authorization", ["Bearer ara_nobody", "Bearer", "Basic YTpi", "Token x", "ara_x", ""]
)
def test_a_key_that_is_not_valid_is_never_an_anonymous_call(
    anybody: Api, as_alice: Api, authorization: str
) -> None:
    for api in (anybody, as_alice):
        answer = api.get("/api/v1/debates", authorization=authorization)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_key_is_not_told_back(anybody: Api) -> None:
    answer = anybody.get("/api/v1/debates", authorization="Bearer ara_secret")
    assert b"ara_secret" not in answer.content


def test_starting_needs_somebody_where_the_operator_says_so(
    anybody: Api, as_alice: Api, settings: Any
) -> None:
    settings.ARAGORA = dataclasses.replace(settings.ARAGORA, allow_anonymous_debates=False)
    refused = anybody.post("/api/v1/debates", QUESTION)
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_required")
    assert not Debate.objects.exists()
    assert as_alice.post("/api/v1/debates", QUESTION).status_code == 201


def test_the_owner_is_the_caller_and_the_debate_private(as_alice: Api, alice: User) -> None:
    created = as_alice.post("/api/v1/debates", QUESTION).json()
    debate = Debate.objects.get(pk=created["id"])
    assert (debate.owner, debate.visibility) == (alice, "private")
