"""Who belongs to a workspace, who says so, and what that opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import Visibility
from debates.models import Debate
from ratelimit.models import Membership, Role, Workspace
from ratelimit.workspaces import personal_workspace
from tests.api.conftest import Api
from tests.factories import make_debate, make_user

pytestmark = pytest.mark.django_db

SignIn = Callable[[User | None], Api]
ALL = "/api/v1/workspaces"
MEMBERS = f"{ALL}/trams/members"


def role_of(user: User, workspace: Workspace) -> str:
    return Membership.objects.get(user=user, workspace=workspace).role


def test_a_new_workspace_has_its_maker_as_owner(sign_in: SignIn, alice: User) -> None:
    made = sign_in(alice).post(ALL, {"name": "Buses & trams"}).json()
    assert (made["name"], made["role"], made["members"]) == ("Buses & trams", "owner", 1)
    assert made["slug"].startswith("buses-trams-")
    found = sign_in(alice).get(ALL).json()["workspaces"]
    assert [row["personal"] for row in found] == [True, False]


def test_an_owner_lets_people_in_and_out(
    sign_in: SignIn, alice: User, charlie: User, team: Workspace
) -> None:
    api = sign_in(alice)
    assert api.post(MEMBERS, {"username": "charlie"}).status_code == 201
    assert role_of(charlie, team) == "member"
    changed = api.send("PATCH", f"{MEMBERS}/{charlie.pk}", {"role": "viewer"})
    assert changed.json()["role"] == "viewer"
    assert api.send("DELETE", f"{MEMBERS}/{charlie.pk}").status_code == 200
    assert sign_in(charlie).get(f"{ALL}/trams").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "nobody"}, "username"),
        ({"username": "Charlie"}, "username"),
        ({"username": "bob"}, "username"),
        ({"username": "charlie", "role": "king"}, "role"),
    ],
)
@pytest.mark.usefixtures("charlie", "team")
def test_what_is_wrong_is_named(sign_in: SignIn, alice: User, body: Any, field: str) -> None:
    answer = sign_in(alice).post(MEMBERS, body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_the_last_owner_stays(sign_in: SignIn, alice: User, bob: User, team: Workspace) -> None:
    api = sign_in(alice)
    for answer in (
        api.send("DELETE", f"{MEMBERS}/{alice.pk}"),
        api.send("PATCH", f"{MEMBERS}/{alice.pk}", {"role": "member"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")
    api.send("PATCH", f"{MEMBERS}/{bob.pk}", {"role": "owner"})
    assert api.send("DELETE", f"{MEMBERS}/{alice.pk}").status_code == 200
    assert role_of(bob, team) == Role.OWNER


def test_a_member_may_leave_and_nothing_else(
    sign_in: SignIn, alice: User, bob: User, dora: User, team: Workspace
) -> None:
    api = sign_in(bob)
    assert api.send("DELETE", f"{MEMBERS}/{dora.pk}").status_code == 403
    assert api.send("PATCH", f"{MEMBERS}/{bob.pk}", {"role": "owner"}).status_code == 403
    assert api.send("DELETE", f"{MEMBERS}/{bob.pk}").status_code == 200
    assert not Membership.objects.filter(user=bob, workspace=team).exists()


def test_a_personal_workspace_stays_personal(sign_in: SignIn, alice: User, bob: User) -> None:
    slug = personal_workspace(alice).slug
    api = sign_in(alice)
    path = f"{ALL}/{slug}/members"
    assert api.post(path, {"username": "bob"}).status_code == 409
    assert api.send("DELETE", f"{path}/{alice.pk}").status_code == 409


def test_who_leaves_loses_what_they_started_there(
    sign_in: SignIn, alice: User, bob: User, team: Workspace
) -> None:
    debate = make_debate(owner=bob, workspace=team, visibility=Visibility.PRIVATE)
    path = f"/api/v1/debates/{debate.pk}"
    assert sign_in(bob).get(path).status_code == 200
    sign_in(alice).send("DELETE", f"{MEMBERS}/{bob.pk}")
    assert sign_in(bob).get(path).status_code == 404
    assert sign_in(bob).post(f"{path}/cancel").status_code == 404


def test_an_owner_who_became_a_viewer_only_reads(
    sign_in: SignIn, dora: User, team: Workspace
) -> None:
    debate = make_debate(owner=dora, workspace=team, visibility=Visibility.PRIVATE)
    path = f"/api/v1/debates/{debate.pk}"
    assert sign_in(dora).get(path).status_code == 200
    assert sign_in(dora).post(f"{path}/cancel").status_code == 403


# --- Debates in it -----------------------------------------------------------------------------


def test_a_debate_begins_where_it_is_meant_to(
    sign_in: SignIn, alice: User, team: Workspace, panel: Any
) -> None:
    body = {"task": "Trams?", "workspace": "trams", "visibility": "workspace"}
    made = sign_in(alice).post("/api/v1/debates", body)
    assert made.status_code == 201, made.content
    debate = Debate.objects.get()
    assert (debate.workspace, debate.visibility) == (team, "workspace")
    sign_in(alice).post("/api/v1/debates", {"task": "Trams?"})
    assert Debate.objects.latest("created_at").workspace == personal_workspace(alice)


@pytest.mark.parametrize("who", ["charlie", "dora", None])
def test_nobody_else_starts_one_there(
    sign_in: SignIn, charlie: User, team: Workspace, panel: Any, who: str | None
) -> None:
    user = User.objects.filter(username=who or "").first()
    refused = sign_in(user).post("/api/v1/debates", {"task": "Trams?", "workspace": "trams"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "workspace"
    assert not Debate.objects.exists()


def test_the_form_offers_a_choice_to_who_has_one(
    sign_in: SignIn, alice: User, charlie: User, team: Workspace, panel: Any
) -> None:
    personal_workspace(alice)
    client = sign_in(alice).client
    assert b'name="workspace"' in client.get("/").content
    assert b'name="workspace"' not in sign_in(charlie).client.get("/").content
    form = {"question": "Trams?", "agents": ["ada", "ben"], "workspace": "trams"}
    client.post("/", {**form, "visibility": "workspace", "rounds": "2"})
    assert Debate.objects.get().workspace == team
    wrong = client.post("/", {**form, "workspace": "nowhere"})
    assert b"no such workspace" in wrong.content


def test_a_debate_of_nobody_stays_public(sign_in: SignIn, panel: Any) -> None:
    body = {"task": "Trams?", "visibility": "workspace"}
    refused = sign_in(None).post("/api/v1/debates", body)
    assert refused.json()["errors"][0]["field"] == "visibility"


# --- On the pages ------------------------------------------------------------------------------


def test_the_pages_do_the_same(
    sign_in: SignIn, alice: User, charlie: User, team: Workspace
) -> None:
    client = sign_in(alice).client
    page = "/workspaces/trams/"
    assert client.post(f"{page}members/", {"username": "charlie", "role": "viewer"})["Location"]
    assert role_of(charlie, team) == "viewer"
    client.post(f"{page}members/{charlie.pk}/", {"action": "role", "role": "member"})
    assert role_of(charlie, team) == "member"
    client.post(f"{page}members/{charlie.pk}/", {"action": "remove"})
    assert not Membership.objects.filter(user=charlie, workspace=team).exists()
    client.post(f"{page}name/", {"name": "<i>Rails</i>"})
    shown = client.get(page).content
    assert b"&lt;i&gt;Rails" in shown
    assert b"<i>Rails" not in shown
    stuck = client.post(f"{page}members/{alice.pk}/", {"action": "remove"}, follow=True)
    assert b"needs an owner" in stuck.content
    wrong = client.post(f"{page}members/", {"username": "nobody", "role": "viewer"})
    assert b"Nobody here has this name" in wrong.content


def test_a_workspace_is_made_on_the_page(sign_in: SignIn, alice: User) -> None:
    made = sign_in(alice).client.post("/workspaces/", {"name": "Buses"})
    assert made["Location"] == f"/workspaces/{Workspace.objects.get(name='Buses').slug}/"


def test_an_operator_s_change_reaches_open_streams(team: Workspace, bob: User) -> None:
    root = sign_in_as(make_user("root", superuser=True))
    member = Membership.objects.get(user=bob, workspace=team)
    root.post(f"/admin/ratelimit/membership/{member.pk}/delete/", {"post": "yes"})
    before, team.roster = team.roster, Workspace.objects.get(pk=team.pk).roster
    assert not Membership.objects.filter(pk=member.pk).exists()
    assert team.roster > before


def sign_in_as(user: User) -> Any:
    api = Api()
    api.client.force_login(user)
    return api.client
