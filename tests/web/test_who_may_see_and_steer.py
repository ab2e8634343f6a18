"""alice owns a debate; bob and charlie do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import DebateStatus, Visibility
from tests.factories import make_debate, make_user

Browser = Callable[[User | None], Client]
ACTIONS = ("start", "pause", "resume", "stop", "cancel")


def test_a_private_debate_is_seen_by_its_owner_only(
    sign_in: Browser, alice: User, bob: User, charlie: User
) -> None:
    debate = make_debate("A secret plan?", owner=alice, visibility=Visibility.PRIVATE)
    address = f"/debates/{debate.slug}/"
    assert sign_in(alice).get(address).status_code == 200
    for stranger in (bob, charlie, None):
        browser = sign_in(stranger)
        assert browser.get(address).status_code == 404
        assert "A secret plan?" not in browser.get("/debates/").content.decode()
        assert "A secret plan?" not in browser.get("/debates/?q=secret").content.decode()
    assert "A secret plan?" in sign_in(alice).get("/debates/").content.decode()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_private_debate_cannot_be_steered_or_found_out_by_others(
    sign_in: Browser, alice: User, charlie: User, action: str
) -> None:
    debate = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    for stranger in (charlie, None):
        response = sign_in(stranger).post(f"/debates/{debate.slug}/control/", {"action": action})
        assert response.status_code == 404
    debate.refresh_from_db()
    assert debate.status == DebateStatus.PENDING


@pytest.mark.parametrize("action", ACTIONS)
def test_a_public_debate_is_steered_by_its_owner_only(
    sign_in: Browser, alice: User, bob: User, action: str
) -> None:
    debate = make_debate(owner=alice)
    address = f"/debates/{debate.slug}/"
    assert "data-action" not in main_of(sign_in(bob).get(address).content.decode())
    assert sign_in(bob).post(f"{address}control/", {"action": action}).status_code == 403
    assert sign_in(bob).get(f"{address}cancel/").status_code == 403
    asked = sign_in(None).post(f"{address}control/", {"action": action})
    assert asked["Location"].startswith("/sign-in/?next=")
    debate.refresh_from_db()
    assert debate.status == DebateStatus.PENDING


def test_the_owner_sees_the_controls(sign_in: Browser, alice: User) -> None:
    debate = make_debate(owner=alice)
    page = main_of(sign_in(alice).get(f"/debates/{debate.slug}/").content.decode())
    assert 'value="pause" data-action="pause">' in page
    assert 'value="start" data-action="start" hidden>' in page


def test_staff_may_steer_what_they_see(sign_in: Browser, alice: User) -> None:
    debate = make_debate(owner=alice)
    operator = make_user("operator", staff=True)
    sign_in(operator).post(f"/debates/{debate.slug}/control/", {"action": "cancel"})
    debate.refresh_from_db()
    assert debate.status == DebateStatus.CANCELLED


def test_nobody_steers_from_another_site(alice: User) -> None:
    debate = make_debate(owner=alice)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post(f"/debates/{debate.slug}/control/", {"action": "cancel"})
    assert response.status_code == 403
    debate.refresh_from_db()
    assert debate.status == DebateStatus.PENDING


def main_of(page: str) -> str:
    """The page without its dialogs, which are there for everybody."""
    return page[page.index("<article") : page.index("</article>")]
