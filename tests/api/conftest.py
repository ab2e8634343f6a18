"""The API as its callers see it: alice owns, bob is a team-mate, charlie a stranger."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from debates.models import Agent
from tests import factories

Call = Callable[..., HttpResponse]


@dataclass
class Api:
    """A caller. Bodies are given as JSON values, or as bytes to send something else."""

    client: Client = field(default_factory=Client)

    def get(self, path: str, params: Any = None, **headers: str) -> Any:
        return self.client.get(path, params, headers=_named(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = _named(headers)
        content_type = named.pop("Content-Type", "application/json")
        data = body if isinstance(body, bytes) else b"" if body is None else _encoded(body)
        return self.client.generic(method, path, data, content_type=content_type, headers=named)


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def _named(headers: dict[str, str]) -> dict[str, str]:
    """`x_csrftoken="…"` is easier to write than a dictionary."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


@pytest.fixture
def as_alice(alice: User) -> Api:
    return _signed_in(alice)


@pytest.fixture
def as_bob() -> Api:
    return _signed_in(factories.make_user("bob"))


@pytest.fixture
def as_charlie() -> Api:
    return _signed_in(factories.make_user("charlie"))


@pytest.fixture
def anybody() -> Api:
    """Somebody who is not signed in."""
    return Api()


@pytest.fixture
def panel() -> list[Agent]:
    """Three agents that can be asked."""
    return [factories.make_agent(name) for name in ("ada", "ben", "cleo")]


def _signed_in(user: User) -> Api:
    api = Api()
    api.client.force_login(user)
    return api
