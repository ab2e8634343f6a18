"""People, agents and pages for the tests of the web."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import make_agent


@pytest.fixture
def agents(db: None) -> list[str]:
    """Four extractive agents; the first three make the default panel."""
    return [make_agent(name).name for name in ("ada", "ben", "cleo", "dora")]


@pytest.fixture
def sign_in() -> Callable[[User | None], Client]:
    """A browser in which somebody is signed in; None for nobody."""

    def client_of(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return client_of


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """Set variables of the environment for one test: `configure(max_upload_bytes=2000)`."""

    def change(**values: Any) -> None:
        settings.ARAGORA = replace(settings.ARAGORA, **values)

    return change


@pytest.fixture(autouse=True)
def anonymous_debates(settings: Any) -> None:
    """As on a laptop: whoever reaches the server may start debates."""
    settings.ARAGORA = replace(settings.ARAGORA, allow_anonymous_debates=True)
