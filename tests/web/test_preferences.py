"""The page of preferences, and the form for a new debate that begins with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.models import Agent, Preferences
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("agents")]

PAGE, RESET = "/account/preferences/", "/account/preferences/reset/"
CHOSEN = {
    "agents": ["ben", "dora"],
    "protocol": "classic",
    "decision": "borda",
    "rounds": "5",
    "budget_usd": "0.50",
    "ignore_memory": "on",
}


@pytest.fixture
def browser(alice: User, sign_in: Callable[[User | None], Client]) -> Client:
    return sign_in(alice)


def text_of(response: Any) -> str:
    return str(response.content.decode())


def beginning(client: Client, page: str = "/") -> dict[str, Any]:
    """What is chosen in the form as it is shown."""
    text = text_of(client.get(page))
    return {
        "agents": re.findall(r'name="agents" value="([^"]+)" checked', text),
        "protocol": re.findall(r'name="protocol" value="([^"]+)" checked', text),
        "decision": re.findall(r'name="decision" value="([^"]+)" checked', text),
        "rounds": re.findall(r'name="rounds"[^>]* value="([^"]*)"', text),
        "budget_usd": re.findall(r'name="budget_usd"[^>]* value="([^"]*)"', text),
        "ignore_memory": re.findall(r'name="ignore_memory"( checked)?', text),
    }


COMMON = {
    "agents": ["ada", "ben", "cleo"],
    "protocol": ["adaptive"],
    "decision": ["auto"],
    "rounds": ["3"],
    "budget_usd": [""],
    "ignore_memory": [""],
}
AS_CHOSEN = {
    "agents": ["ben", "dora"],
    "protocol": ["classic"],
    "decision": ["borda"],
    "rounds": ["5"],
    "budget_usd": ["0.5"],
    "ignore_memory": [" checked"],
}


def test_the_form_begins_with_what_was_chosen_for_that_person_alone(
    browser: Client, sign_in: Callable[[User | None], Client]
) -> None:
    assert beginning(browser) == COMMON
    saved = browser.post(PAGE, CHOSEN, follow=True)
    assert "Your next new debate begins with it." in text_of(saved)
    assert beginning(browser, PAGE) == AS_CHOSEN
    assert beginning(browser) == AS_CHOSEN
    assert beginning(sign_in(make_user("bob"))) == COMMON
    assert beginning(sign_in(None)) == COMMON


def test_it_is_read_once_and_then_kept(browser: Client, alice: User) -> None:
    browser.post(PAGE, CHOSEN)
    beginning(browser)
    Preferences.objects.filter(user=alice).update(rounds=9)  # Past the service that tells of it.
    assert beginning(browser) == AS_CHOSEN
    browser.post(PAGE, CHOSEN | {"rounds": "4"})
    assert beginning(browser)["rounds"] == ["4"]


def test_the_estimate_is_that_of_what_is_chosen(browser: Client) -> None:
    def calls() -> str:
        (found,) = re.findall(r"data-estimate-calls>([^<]+)", text_of(browser.get("/")))
        return str(found)

    before = calls()
    browser.post(PAGE, CHOSEN | {"rounds": "12", "budget_usd": ""})
    assert calls() != before


def test_what_is_wrong_is_said_beside_it_and_changes_nothing(browser: Client) -> None:
    browser.post(PAGE, CHOSEN)
    wrong = CHOSEN | {"rounds": "40", "agents": ["ada"], "budget_usd": "much"}
    text = text_of(browser.post(PAGE, wrong))
    assert "Use 1 to 12 rounds." in text
    assert "Use an amount in dollars" in text
    assert 'value="much"' in text
    assert "2 things to correct. Nothing was saved" in text
    for field in ("rounds", "budget_usd"):
        assert f'<a href="#{field}">' in text
        assert f'id="{field}"' in text
    text = text_of(browser.post(PAGE, CHOSEN | {"agents": ["ada"]}))
    assert '<a href="#agents">Name at least 2 agents.</a>' in text
    assert beginning(browser) == AS_CHOSEN


def test_a_reset_asks_first(browser: Client) -> None:
    assert "Reset …" not in text_of(browser.get(PAGE))
    browser.post(PAGE, CHOSEN)
    assert RESET in text_of(browser.get(PAGE))
    assert "Reset your preferences?" in text_of(browser.get(RESET))
    assert beginning(browser) == AS_CHOSEN
    assert "Your preferences were reset." in text_of(browser.post(RESET, follow=True))
    assert beginning(browser) == COMMON


def test_an_agent_that_is_gone_is_named_and_others_take_its_place(browser: Client) -> None:
    browser.post(PAGE, CHOSEN)
    Agent.objects.filter(name="dora").update(enabled=False)
    assert "not to be asked now: dora" in text_of(browser.get(PAGE))
    assert beginning(browser)["agents"] == ["ada", "ben", "cleo"]
    assert beginning(browser)["rounds"] == ["5"]


def test_staff_see_and_reset_them(browser: Client, alice: User) -> None:
    browser.post(PAGE, CHOSEN)
    assert beginning(browser) == AS_CHOSEN
    root = Client()
    root.force_login(make_user("root", superuser=True))
    assert "alice" in text_of(root.get("/admin/debates/preferences/"))
    root.post(f"/admin/debates/preferences/{alice.pk}/delete/", {"post": "yes"})
    assert beginning(browser) == COMMON
