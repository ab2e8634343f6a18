"""A stream server for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from debates.models import Debate
from tests.factories import make_debate, make_user
from tests.support.streams import StreamServer


@pytest.fixture
def stream(transactional_db: None) -> Iterator[StreamServer]:
    with StreamServer() as server:
        yield server


@pytest.fixture
def debate(transactional_db: None) -> Debate:
    return make_debate()


@pytest.fixture
def alice(transactional_db: None) -> User:
    return make_user("alice")
