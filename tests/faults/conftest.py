"""Servers on the database of the tests themselves, so that a test sees and steers what they do from
another process, and models that can be held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connection

from debates.mock_llm.server import ModelServer, Options
from tests.support.followers import Crowd
from tests.support.processes import Server, aragora
from tests.support.sites import Site, site_on_postgres, site_on_sqlite

Serve = Callable[..., Server]

PANEL = ["mill-large", "hume-small", "cleo-contrary"]
"""Models, and the agents that a server makes of them: mill says yes, hume gives way in the first
exchange, cleo never does."""


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd() as following:
        yield following


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """Speaks for the panel."""
    with ModelServer(Options(models=tuple(PANEL))) as server:
        yield server


@pytest.fixture
def serve(transactional_db: None, models: ModelServer, tmp_path: Path) -> Iterator[Serve]:
    """Starts a server on the tests' own SQLite file; takes further variables."""
    if connection.vendor != "sqlite":
        pytest.skip("the servers share a file")
    with ExitStack() as stack:

        def start(name: str = "server", **variables: str) -> Server:
            settings = {
                "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
                "OPENAI_BASE_URL": models.openai_url,
                "OPENAI_API_KEY": "sk-test",
                "ARAGORA_DRAIN_SECONDS": "0",
                **variables,
            }
            return stack.enter_context(aragora(tmp_path / name, **settings))

        yield start


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server with a database and models of its own, on SQLite and again on PostgreSQL."""
    if request.param == "sqlite":
        with site_on_sqlite(tmp_path) as found:
            yield found
    else:
        with site_on_postgres(tmp_path, request.getfixturevalue("postgres_url")) as found:
            yield found
