"""The memory page names whose memory it shows, and keeps what somebody wrote when it cannot be
kept."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from memory.models import Entry
from ratelimit.models import Membership, Role
from ratelimit.workspaces import create_workspace, personal_workspace

pytestmark = pytest.mark.django_db


def page_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_fact_goes_to_the_workspace_that_was_chosen(alice: User) -> None:
    team = create_workspace(owner=alice, name="Harbour")
    client = page_of(alice)
    answer = client.post(
        "/memory/fact/", {"content": "The quay is closed.", "workspace": str(team.pk)}, follow=True
    )
    assert Entry.objects.get().workspace == team
    assert "Of Harbour" in answer.content.decode()
    assert "of Harbour" in client.get("/memory/").content.decode()


def test_without_a_choice_it_is_ones_own(alice: User) -> None:
    page_of(alice).post("/memory/fact/", {"content": "The quay is closed."})
    assert Entry.objects.get().workspace == personal_workspace(alice)


@pytest.mark.parametrize(
    "workspace", ["", "no such workspace", "00000000-0000-0000-0000-000000000000"]
)
def test_what_cannot_be_kept_is_still_in_the_form(alice: User, workspace: str) -> None:
    content = "x" * 20_001 if not workspace else "The quay is closed."
    answer = page_of(alice).post("/memory/fact/", {"content": content, "workspace": workspace})
    assert answer.status_code in (400, 404)
    assert content in answer.content.decode()
    assert 'id="content-error"' in answer.content.decode()
    assert not Entry.objects.exists()


def test_a_viewer_is_not_offered_the_workspace(alice: User) -> None:
    team = create_workspace(owner=alice, name="Harbour")
    bob = User.objects.create_user("bob", "bob@example.org", "correct-horse-9")
    Membership.objects.create(workspace=team, user=bob, role=Role.VIEWER)
    assert f'value="{team.pk}"' not in page_of(bob).get("/memory/").content.decode()
