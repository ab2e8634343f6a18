"""Buttons of the debate page: each does its one thing, and says when it cannot."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from debates.choices import DebateStatus
from debates.models import Debate
from tests.factories import make_debate


def press(client: Client, debate: Debate, action: str) -> str:
    """Send the button and follow to the page."""
    response = client.post(f"/debates/{debate.slug}/control/", {"action": action}, follow=True)
    assert response.redirect_chain == [(f"/debates/{debate.slug}/", 302)]
    debate.refresh_from_db()
    return response.content.decode()


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (DebateStatus.CREATED, "start", DebateStatus.PENDING),
        (DebateStatus.PENDING, "pause", DebateStatus.PAUSED),
        (DebateStatus.RUNNING, "pause", DebateStatus.PAUSED),
        (DebateStatus.PAUSED, "resume", DebateStatus.PENDING),
        (DebateStatus.RUNNING, "cancel", DebateStatus.CANCELLED),
        (DebateStatus.CREATED, "cancel", DebateStatus.CANCELLED),
    ],
)
def test_a_button_changes_the_state(
    client: Client, db: None, before: DebateStatus, action: str, after: DebateStatus
) -> None:
    debate = make_debate(status=before)
    press(client, debate, action)
    assert debate.status == after


def test_stop_asks_for_the_verdict(client: Client, db: None) -> None:
    debate = make_debate(status=DebateStatus.RUNNING, started_at=timezone.now())
    press(client, debate, "stop")
    assert debate.stop_requested


def test_a_button_that_comes_too_late_says_so(client: Client, db: None) -> None:
    debate = make_debate(status=DebateStatus.COMPLETED)
    page = press(client, debate, "cancel")
    assert "The debate is completed; it can be cancelled only while" in page
    assert debate.status == DebateStatus.COMPLETED


def test_an_unknown_action_is_not_found(client: Client, db: None) -> None:
    debate = make_debate()
    response = client.post(f"/debates/{debate.slug}/control/", {"action": "explode"})
    assert response.status_code == 404


def test_cancelling_without_a_script_asks_first(client: Client, db: None) -> None:
    debate = make_debate()
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert f'href="/debates/{debate.slug}/cancel/" data-action="cancel">' in page
    question = client.get(f"/debates/{debate.slug}/cancel/").content.decode()
    assert "Cancel this debate?" in question
    debate.refresh_from_db()
    assert debate.status == DebateStatus.PENDING


def test_only_what_the_state_allows_is_offered(client: Client, db: None) -> None:
    debate = make_debate(status=DebateStatus.PAUSED)
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert 'data-action="resume">' in page
    assert 'data-action="pause" hidden>' in page
    assert 'data-action="stop" hidden>' in page
