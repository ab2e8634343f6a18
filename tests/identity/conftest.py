"""alice owns, bob is her team-mate in the workspace, dora only reads there, charlie is a
stranger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from debates.models import Agent
from ratelimit.models import Membership, Role, Workspace
from tests.api.conftest import Api
from tests.factories import make_agent, make_user


@pytest.fixture(autouse=True)
def open_and_unlimited(settings: Any) -> Iterator[None]:
    """The limits of one test are not those of the next."""
    settings.ARAGORA = replace(
        settings.ARAGORA, allow_registration=True, allow_anonymous_debates=True
    )
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def dora(db: None) -> User:
    return make_user("dora")


@pytest.fixture
def team(alice: User, bob: User, dora: User) -> Workspace:
    """Where alice, bob and dora work together."""
    made = Workspace.objects.create(name="Trams", slug="trams")
    for user, role in ((alice, Role.OWNER), (bob, Role.MEMBER), (dora, Role.VIEWER)):
        Membership.objects.create(workspace=made, user=user, role=role)
    return made


@pytest.fixture
def panel(db: None) -> list[Agent]:
    return [make_agent(name) for name in ("ada", "ben", "cleo")]


@pytest.fixture
def sign_in() -> Callable[[User | None], Api]:
    """Somebody's browser, or a program of theirs; None for nobody."""

    def api_of(user: User | None) -> Api:
        api = Api(Client())
        if user is not None:
            api.client.force_login(user)
        return api

    return api_of
