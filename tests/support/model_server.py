"""A model server, and ears for what is published, for each test.

Fixtures for those conftest files that import them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from debates.mock_llm.server import ModelServer
from tests.support.debating import Ears, ears


@pytest.fixture(scope="session")
def running_model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def model_server(running_model_server: ModelServer) -> Iterator[ModelServer]:
    running_model_server.reset()
    yield running_model_server
    running_model_server.reset()


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Ears]:
    with ears() as listening:
        yield listening
