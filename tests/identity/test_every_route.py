"""Every route, asked by everybody, about debates of every visibility.

The routes are read from the URL configuration and their methods from the server itself, so that
none is forgotten; whom each lets in stands in `tests.identity.table`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from debates.models import Debate
from debates.selectors.sharing import token_of
from debates.services.audience import paces
from debates.services.sharing import share_debate
from memory.scopes import ScopeName
from ratelimit.models import ApiKey, Workspace
from ratelimit.workspaces import personal_workspace
from tests.api.conftest import Api
from tests.factories import make_agent, make_api_key, make_debate, make_proposal, make_user
from tests.identity.table import (
    FORBIDDEN,
    NOT_FOUND,
    OK,
    PEOPLE,
    SIGN_IN,
    TABLE,
    VISIBILITIES,
    Line,
    Rule,
    expected,
)
from tests.memory.conftest import remember

pytestmark = pytest.mark.django_db

SignIn = Callable[[User | None], Api]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNKNOWN_METHOD = "TRACE"
ABOUT_A_DEBATE = {Rule.READ, Rule.SPEAK, Rule.STEER, Rule.MANAGE, Rule.LINK}
ABOUT_A_DEBATE |= {Rule.BATCH, Rule.CANCEL_BATCH}
NOWHERE = ("api/", "^api(?:/|$)")
"""The start of the API's addresses, where there is nothing, and those that nobody knows."""


def routes() -> list[str]:
    """Every address of the site, as the URL configuration writes it."""

    def walk(resolver: URLResolver, before: str) -> Iterator[str]:
        for entry in resolver.url_patterns:
            route = before + str(entry.pattern)
            if isinstance(entry, URLPattern):
                yield route
            else:
                yield from walk(entry, route)

    return list(dict.fromkeys(walk(get_resolver(), "")))


@dataclass
class World:
    """What there is to be reached."""

    debates: dict[str, Debate]
    links: dict[str, str]
    key: ApiKey
    team: Workspace
    member: User
    entry_id: int

    def address(self, route: str, visibility: str) -> str:
        """The route, about this debate."""
        debate = self.debates[visibility]
        slug = self.team.slug if route.startswith("workspaces/") else debate.slug
        values = {
            "<batch_id>": str(debate.batch),
            "<ref>": str(debate.pk), "<str:reference>": str(debate.pk), "<slug:slug>": slug,
            "<token>": self.links[visibility], "<str:token>": self.links[visibility],
            "<name>": "ada", "<format>": "html", "<int:number>": "1", "<uidb64>": "MQ",
            "<key_id>": str(self.key.pk), "<uuid:key_id>": str(self.key.pk),
            "<workspace>": self.team.slug,
            "<user_id>": str(self.member.pk), "<int:user_id>": str(self.member.pk),
            "<memory_id>": str(self.entry_id), "<int:entry_id>": str(self.entry_id),
        }  # fmt: skip
        for name, value in values.items():
            route = route.replace(name, value)
        return f"/{route}"


@pytest.fixture
def world(alice: User, charlie: User, team: Workspace, panel: Any) -> World:
    for name in ("vera", "wim"):
        make_agent(name)
    debates, links = {}, {}
    for visibility in VISIBILITIES:
        question = f"A {visibility}-matter?"
        debate = make_debate(
            question,
            owner=alice,
            workspace=team,
            visibility=visibility,
            batch=uuid4(),
            batch_index=0,
        )
        make_proposal(debate)
        debates[visibility] = debate
        links[visibility] = token_of(
            share_debate(debate_id=debate.pk, actor=alice, now=timezone.now())
        )
    erin = make_user("emil")
    team.memberships.create(user=erin, role="member")
    own = ScopeName.of_user(alice.pk, personal_workspace(alice).pk)
    entry = remember(own, "A private-matter? Alice thinks so.", now=timezone.now())
    return World(debates, links, make_api_key(alice)[0], team, erin, entry.pk)


def outcome(response: Any, line: Line) -> str:
    """What an answer says, in the words of the table."""
    status = response.status_code
    if status in line.may_be:
        return OK
    to = response.headers.get("Location", "")
    if status == 401 or (status == 302 and to.startswith("/sign-in/")):
        return SIGN_IN
    if status == 403:
        return FORBIDDEN
    if status == 404:
        return NOT_FOUND
    assert status < 400 or status == 409, (status, response.content[:500])
    return OK


def ask(api: Api, method: str, address: str, line: Line) -> Any:
    """Ask, and take back whatever it did."""
    paces.forget()
    with transaction.atomic():
        if address.startswith("/api/"):
            body = None if method == "GET" else line.body
            response = api.send(method, address, body)
        else:
            response = api.client.generic(method, address) if method == "GET" else None
            response = response or api.client.post(address, line.body)
        transaction.set_rollback(True)
    return response


@pytest.fixture(autouse=True)
def without_limits(settings: Any) -> None:
    """The forms' limits are tested elsewhere; here each is sent dozens of times."""
    settings.RATELIMIT_ENABLE = False


def test_every_route_stands_in_the_table(world: World, sign_in: SignIn) -> None:
    found = set()
    for route in routes():
        if route.startswith("admin/") or route in NOWHERE:
            continue
        address = world.address(route, "public")
        answer = sign_in(world.debates["public"].owner).client.generic(UNKNOWN_METHOD, address)
        # A view that answers whatever it is asked has at least the methods of a form.
        is_page = not route.startswith("api/")
        allowed = answer.headers.get("Allow", "GET, POST" if is_page else "GET")
        methods = {method.strip() for method in allowed.split(",")} & set(METHODS)
        found |= {f"{method} {route}" for method in methods if not (is_page and method == "PUT")}
    missing, gone = found - set(TABLE), set(TABLE) - found
    assert not missing, f"Say in tests/identity/table.py whom these let in: {sorted(missing)}"
    assert not gone, f"These are in tests/identity/table.py and nowhere else: {sorted(gone)}"


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_in_where_they_belong(world: World, sign_in: SignIn, person: str) -> None:
    user = User.objects.filter(username=person).first()
    wrong = []
    for name, line in TABLE.items():
        if line.rule is Rule.STREAM:
            continue
        method, _, route = name.partition(" ")
        for visibility in VISIBILITIES if line.rule in ABOUT_A_DEBATE else ("private",):
            api = sign_in(user)
            address = world.address(route, visibility)
            query = [line.query] if line.query else []
            if person == "guest":
                query.append(f"share={world.links[visibility]}")
            address += f"?{'&'.join(query)}" if query else ""
            if line.rule is Rule.LINK and person not in ("guest", "alice"):
                address = address.replace(world.links[visibility], "x" * 43)
            response = ask(api, method, address, line)
            got = outcome(response, line)
            due = expected(line.rule, person, visibility)
            if line.rule is Rule.LINK and person not in ("guest", "alice"):
                due = NOT_FOUND
            if got != due:
                wrong.append(f"{name} ({visibility}): {got}, not {due}")
            wrong += leaks(name, response, person, visibility, due)
    assert not wrong, "\n".join(wrong)


def leaks(name: str, response: Any, person: str, visibility: str, due: str) -> list[str]:
    """What an answer shows of debates that this person may not read."""
    text = response.content.decode(errors="replace")
    shown = []
    for kind in VISIBILITIES:
        reads = expected(Rule.READ, person, kind) == OK
        by_link = person == "guest" and kind != "public" and not (kind == visibility and due == OK)
        if f"A {kind}-matter?" in text and (not reads or by_link):
            shown.append(f"{name} shows the {kind} debate to {person}")
    return shown


def test_the_administration_is_for_staff(world: World, sign_in: SignIn) -> None:
    pages = [route for route in routes() if route.startswith("admin/")]
    assert len(pages) > 50
    open_to_all = {"admin/login/", "admin/logout/", "admin/jsi18n/"}
    for route in set(pages) - open_to_all:
        if "<" in route.replace("<path:object_id>", "") or "(" in route:
            continue
        address = "/" + route.replace("<path:object_id>", str(world.debates["private"].pk))
        for person in ("alice", "charlie", "nobody"):
            api = sign_in(User.objects.filter(username=person).first())
            answer = api.client.get(address)
            assert answer.status_code == 302, (address, person)
            assert answer.headers["Location"].startswith("/admin/login/"), (address, person)


def test_a_new_route_is_noticed() -> None:
    assert "api/v1/debates/<ref>" in routes()
    assert Client().get("/api/v1/nothing").status_code == 404
