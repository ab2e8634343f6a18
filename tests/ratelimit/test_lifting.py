"""The operator sees who is limited now and lets them go on; nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.ratelimit.conftest import ALICE, BOB, CHARLIE, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits")]

PAGE = "/admin/limits/"
AGENTS = "/api/v1/agents"


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.redis)])
def backend(request: pytest.FixtureRequest, configure: Callable[..., None], limits: None) -> None:
    configure(rate_limit=4, burst_multiplier=1.0)
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        configure(redis_url=url, redis_key_prefix=f"test:{uuid4().hex}:")


@pytest.fixture
def operator(db: None) -> Client:
    user = User.objects.create_superuser("olga", password="x")
    return signed_in(user, "127.0.0.1")


def hammer(client: Client) -> list[int]:
    return [client.get(AGENTS).status_code for _ in range(6)]


def test_a_limit_is_lifted(
    backend: None, operator: Client, alice: User, as_alice: Client, as_charlie: Client
) -> None:
    assert hammer(as_alice)[-1] == hammer(as_charlie)[-1] == HTTPStatus.TOO_MANY_REQUESTS
    page = operator.get(PAGE).content.decode()
    assert "alice" in page
    assert f"anonymous {CHARLIE}" in page
    with structlog.testing.capture_logs() as logs:
        answer = operator.post(PAGE, {"name": f"user:{alice.pk}"}, follow=True)
    assert f"The limit of user:{alice.pk} is lifted." in answer.content.decode()
    assert [entry for entry in logs if entry["event"] == "ratelimit_lifted"] == [
        {
            "event": "ratelimit_lifted",
            "log_level": "warning",
            "bucket": f"user:{alice.pk}",
            "operator_id": User.objects.get(username="olga").pk,
        }
    ]
    assert as_alice.get(AGENTS).status_code == HTTPStatus.OK
    assert as_charlie.get(AGENTS).status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert ">alice<" not in operator.get(PAGE).content.decode()


def test_only_what_is_in_the_list_can_be_lifted(
    backend: None, operator: Client, as_alice: Client, alice: User
) -> None:
    as_alice.get(AGENTS)
    operator.post(PAGE, {"name": f"user:{alice.pk}"})
    assert as_alice.get(AGENTS)["X-RateLimit-Remaining"] == "2"


def test_the_index_leads_there_and_an_empty_list_says_so(operator: Client) -> None:
    assert PAGE in operator.get("/admin/").content.decode()
    assert "Nobody." in operator.get(PAGE).content.decode()


def test_strangers_members_and_staff_without_the_right_are_kept_out(
    alice: User, bob: User, as_charlie: Client, as_alice: Client
) -> None:
    assert as_charlie.get(PAGE).status_code == HTTPStatus.FOUND
    assert as_alice.get(PAGE).status_code == HTTPStatus.FOUND
    bob.is_staff = True
    bob.save()
    as_bob = signed_in(bob, BOB)
    assert as_bob.get(PAGE).status_code == HTTPStatus.FORBIDDEN
    assert PAGE not in as_bob.get("/admin/").content.decode()
    bob.user_permissions.add(Permission.objects.get(codename="change_workspace"))
    assert signed_in(User.objects.get(pk=bob.pk), ALICE).get(PAGE).status_code == HTTPStatus.OK


def test_names_are_shown_as_text(
    operator: Client, configure: Callable[..., None], settings: Any
) -> None:
    configure(rate_limit=2, burst_multiplier=1.0)
    odd = Client(REMOTE_ADDR="<b>nobody</b>")
    hammer(odd)
    page = operator.get(PAGE).content.decode()
    assert "&lt;b&gt;nobody" in page
    assert "<b>nobody" not in page
