"""An account, a browser with its cookie, or an address: nobody is two people by coming twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus
from debates.models import Debate
from debates.visitors import COOKIE, Person, person_asking
from tests.factories import make_debate

pytestmark = pytest.mark.django_db


def asking(
    viewer: User | None = None, *, cookie: str = "", peer: str = "203.0.113.7", **headers: str
) -> Person:
    request = RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers or None)
    if cookie:
        request.COOKIES[COOKIE] = cookie
    return person_asking(request, viewer)


def cookie_of(debate: Debate, client: Client | None = None) -> Any:
    return (client or Client()).get(f"/debates/{debate.slug}/").cookies.get(COOKIE)


def test_an_account_is_one_person_from_everywhere(alice: User, bob: User) -> None:
    here, there = asking(alice), asking(alice, peer="198.51.100.2")
    assert here == there
    assert (here.source, here.viewer) == ("", alice)
    assert asking(bob).key != here.key


def test_the_page_of_a_debate_under_way_gives_a_browser_its_cookie(debate: Debate) -> None:
    cookie = cookie_of(debate)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    person = asking(cookie=cookie.value)
    assert person == asking(cookie=cookie.value)
    assert person.key.startswith("visitor:")
    assert person.key != asking(cookie=cookie_of(debate).value).key


def test_a_browser_keeps_its_cookie(debate: Debate) -> None:
    browser = Client()
    assert cookie_of(debate, browser) is not None
    assert cookie_of(debate, browser) is None


def test_accounts_and_debates_that_are_over_need_none(debate: Debate, alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    assert cookie_of(debate, browser) is None
    assert cookie_of(make_debate(status=DebateStatus.CANCELLED)) is None


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: f"x{text}", str.upper])
def test_a_cookie_that_was_changed_is_nobodys(debate: Debate, change: Any) -> None:
    assert asking(cookie=change(cookie_of(debate).value)) == asking()


def test_without_either_it_is_the_address() -> None:
    person = asking()
    assert person == asking()
    assert person.key.startswith("address:")
    assert person.source
    assert "203.0.113.7" not in repr(person)
    assert asking(peer="203.0.113.8").key != person.key
    # One subscriber of IPv6 has a whole network.
    assert asking(peer="2001:db8::1") == asking(peer="2001:db8::2")


def test_visitors_of_an_address_have_one_source(debate: Debate) -> None:
    first, second = (asking(cookie=cookie_of(debate).value) for _ in range(2))
    assert first.key != second.key
    assert first.source == second.source == asking().source


def test_this_machine_is_not_counted() -> None:
    assert asking(peer="127.0.0.1").source == asking(peer="::1").source == ""
    assert asking(peer="127.0.0.1").key == asking(peer="::1").key


def test_only_a_proxy_that_is_trusted_may_say_whom_it_speaks_for(settings: Settings) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert asking(peer="10.0.0.1", **forwarded) == asking(peer="10.0.0.1")
    settings.ARAGORA = replace(settings.ARAGORA, trusted_proxies=("10.0.0.1",))
    assert asking(peer="10.0.0.1", **forwarded) == asking(peer="203.0.113.9")


def test_an_alias_says_nothing_and_is_another_one_in_every_debate(alice: User) -> None:
    person, one, other = asking(alice), uuid4(), uuid4()
    assert person.alias(one) == person.alias(one) != person.alias(other)
    assert asking().alias(one) != person.alias(one)
