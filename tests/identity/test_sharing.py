"""A shared link opens one debate, for reading alone, until it is revoked."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates.choices import DebateStatus, Visibility
from debates.models import Debate, ShareLink
from debates.selectors.sharing import shared_debate_id
from tests.api.conftest import Api
from tests.factories import make_debate, make_proposal

pytestmark = pytest.mark.django_db

SignIn = Callable[[User | None], Api]


@pytest.fixture
def debate(alice: User) -> Debate:
    made = make_debate("A secret plan?", owner=alice, visibility=Visibility.PRIVATE)
    make_proposal(made)
    return made


@pytest.fixture
def link(sign_in: SignIn, alice: User, debate: Debate) -> dict[str, str]:
    answer = sign_in(alice).post(f"/api/v1/debates/{debate.pk}/share")
    told: dict[str, str] = answer.json()
    return told


def test_the_link_opens_the_debate(debate: Debate, link: dict[str, str]) -> None:
    nobody = Api()
    found = nobody.get(f"/api/v1/shared/{link['token']}").json()
    assert (found["id"], found["task"]) == (str(debate.pk), "A secret plan?")
    assert [message["agent"] for message in found["messages"]] == ["ada"]
    page = nobody.client.get(urlsplit(link["url"]).path)
    assert b"A secret plan?" in page.content
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert page["Referrer-Policy"] == "no-referrer"


def test_the_parts_of_the_debate_are_read_with_it(debate: Debate, link: dict[str, str]) -> None:
    path = f"/api/v1/debates/{debate.pk}"
    for part in ("", "/events", "/rounds", "/messages", "/timeline"):
        assert Api().get(path + part).status_code == 404
        assert Api().get(path + part, {"share": link["token"]}).status_code == 200


def test_nothing_can_be_done_with_it(debate: Debate, link: dict[str, str]) -> None:
    path = f"/api/v1/debates/{debate.pk}"
    share = f"?share={link['token']}"
    for act in ("cancel", "vote", "suggest", "share", "share/revoke"):
        body = {"choice": "Yes", "suggestion": "Ask."}
        assert Api().post(f"{path}/{act}{share}", body).status_code == 404
    assert Api().send("PATCH", path + share, {"title": "Mine"}).status_code == 404
    page = Api().client.get(urlsplit(link["url"]).path).content
    assert b'data-action="cancel"' not in page
    assert b"data-audience" not in page


def test_the_page_of_a_debate_under_way_listens_by_the_link(link: dict[str, str]) -> None:
    page = Api().client.get(urlsplit(link["url"]).path).content.decode()
    assert f'"socket_url": "/ws?share={link["token"]}"' in page
    assert f"/events?share={link['token']}" in page


def test_it_is_the_same_until_it_is_revoked(
    sign_in: SignIn, alice: User, debate: Debate, link: dict[str, str]
) -> None:
    api, path = sign_in(alice), f"/api/v1/debates/{debate.pk}/share"
    assert api.post(path).json()["token"] == link["token"]
    assert api.post(f"{path}/revoke").json()["revoked"] is True
    assert Api().get(f"/api/v1/shared/{link['token']}").status_code == 404
    assert Api().client.get(urlsplit(link["url"]).path).status_code == 404
    assert api.post(f"{path}/revoke").json()["revoked"] is False
    assert api.post(path).json()["token"] != link["token"]
    assert Api().get(f"/api/v1/shared/{link['token']}").status_code == 404


def test_the_table_of_links_opens_nothing(link: dict[str, str]) -> None:
    row = ShareLink.objects.get()
    assert link["token"] not in str(vars(row))
    assert shared_debate_id(row.pk.hex) is None
    assert shared_debate_id(link["token"][:22] + "A" * 21) is None


@given(st.text(max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_other_text_opens_anything(text: str) -> None:
    assert shared_debate_id(text) is None


def test_the_page_of_the_debate_makes_and_revokes_it(
    sign_in: SignIn, alice: User, bob: User, debate: Debate
) -> None:
    client = sign_in(alice).client
    page, share = f"/debates/{debate.slug}/", f"/debates/{debate.slug}/share/"
    assert b"Make a link" in client.get(page).content
    client.post(share, {"action": "share"})
    assert b"http://testserver/shared/" in client.get(page).content
    assert sign_in(bob).client.post(share, {"action": "revoke"}).status_code == 404
    client.post(share, {"action": "revoke"})
    assert not ShareLink.objects.exists()


def test_a_finished_debate_can_be_shared_too(sign_in: SignIn, alice: User) -> None:
    debate = make_debate(owner=alice, status=DebateStatus.COMPLETED, visibility=Visibility.PRIVATE)
    told = sign_in(alice).post(f"/api/debates/{debate.pk}/share").json()
    assert b"build the tram" in Api().client.get(urlsplit(told["url"]).path).content
