"""Debates to take away, asked for over HTTP as everybody is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import Visibility
from debates.models import Debate
from tests.api.conftest import Api
from tests.factories import make_debate
from tests.web.records import hold_debate, hold_first_rounds


def caller(user: User | None = None) -> Api:
    """Somebody who calls; without a user, somebody who is not signed in."""
    api = Api()
    if user is not None:
        api.client.force_login(user)
    return api


def export(api: Api, debate: Debate, format: str, **params: Any) -> str:
    """The file's text, as it is downloaded."""
    answer = api.get(f"/api/v1/debates/{debate.pk}/export/{format}", params)
    assert answer.status_code == 200, answer.content
    text: str = answer.content.decode()
    return text


@pytest.fixture
def finished(alice: User) -> Debate:
    """alice's debate, public, over, with a document."""
    debate = make_debate(owner=alice, documents=["The tram cut traffic by a tenth."])
    hold_debate(debate)
    return debate


@pytest.fixture
def running() -> Debate:
    """Somebody's debate that has come to its vote."""
    debate = make_debate()
    hold_first_rounds(debate)
    return debate


@pytest.fixture
def private(alice: User) -> Debate:
    debate = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    hold_debate(debate)
    return debate
