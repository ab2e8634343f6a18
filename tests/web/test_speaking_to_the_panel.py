"""Who steers a debate speaks to its panel on its page; it stands in the margin for everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import DebateStatus
from debates.models import Suggestion
from tests.factories import make_debate

pytestmark = pytest.mark.django_db


def test_what_is_said_on_the_page(
    sign_in: Callable[[User | None], Client], alice: User, charlie: User
) -> None:
    debate = make_debate(owner=alice, status=DebateStatus.RUNNING, phase="draft", rounds=2)
    address = f"/debates/{debate.slug}/panel/"
    said = {"type": "constraint", "content": "No <b>more</b> than a bus.", "apply_at_round": ""}
    owner, stranger = sign_in(alice), sign_in(charlie)
    assert "data-intervening" not in stranger.get(f"/debates/{debate.slug}/").content.decode()
    assert stranger.post(address, said).status_code == 403
    assert sign_in(None).post(address, said).status_code == 302
    assert not Suggestion.objects.exists()

    page = owner.post(address, said, follow=True).content.decode()
    assert "It waits for the exchange of round 1." in page
    assert "data-intervening" in page
    seen = stranger.get(f"/debates/{debate.slug}/").content.decode()
    assert "<b>A person set a constraint</b>: No &lt;b&gt;more&lt;/b&gt; than a bus." in seen
    exported = stranger.get(f"/api/v1/debates/{debate.slug}/export/txt").content.decode()
    assert "A person set a constraint: No <b>more</b> than a bus." in exported

    for wrong, message in (
        ({**said, "type": "suggestion"}, "Choose what it is."),
        ({**said, "apply_at_round": "9" * 999}, "as a number"),
        ({**said, "apply_at_round": "3"}, "Use a round from 1 to 2"),
    ):
        answer = owner.post(address, wrong)
        assert answer.status_code == 400
        assert message in answer.content.decode()
        assert "No &lt;b&gt;more&lt;/b&gt; than a bus.</textarea>" in answer.content.decode()
    assert Suggestion.objects.count() == 1
