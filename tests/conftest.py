"""What every test may ask for. A server that is missing skips its tests by name; in CI it fails."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connections
from hypothesis import settings

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.caching import ALIAS, RATINGS, ROUNDS, TOPICS
from debates.selectors.questions import forget_questions
from monitoring import health
from monitoring.conditions import conditions
from tests.factories import make_user
from tests.support import processes
from tests.support.roles import APP, OWNER, become, let_app_flush

# How long an example takes says something of the machine, not of the code.
settings.register_profile("aragora", deadline=None)
settings.load_profile("aragora")

# A logger that was used once would write past a test that captures what is logged.
structlog.configure(**{**structlog.get_config(), "cache_logger_on_first_use": False})
django_settings.TENANCY_STRICT = True
# A good hash is slow on purpose.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_embedder_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors that need nothing loaded; what tests wordllama asks for it."""
    monkeypatch.setattr(
        django_settings, "ARAGORA", replace(django_settings.ARAGORA, embedder="hash")
    )


@pytest.fixture(autouse=True)
def _no_health_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """How the instance was a moment ago is what another test made of it; nobody looks after that
    while tests have their own ways with the database, but for those that test it."""
    health.forget_answers()
    monkeypatch.setattr(conditions, "_looks", {})
    conditions.forget()


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Answers made from the rows of another test."""
    for kept in (RATINGS, ROUNDS, TOPICS):
        kept.forget()
    caches[ALIAS].clear()
    forget_questions()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: their driver's event loop stays, and others could not start theirs."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def _or_skip(server: AbstractContextManager[str]) -> Iterator[str]:
    try:
        url = server.__enter__()
    except FileNotFoundError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs {missing}")
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def alice(db: None) -> User:
    """Owns what a test is about."""
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    """A team-mate of alice, where the test makes him one."""
    return make_user("bob")


@pytest.fixture
def charlie(db: None) -> User:
    """A stranger."""
    return make_user("charlie")


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """A real PostgreSQL, one a worker; `postgres_url` is what a test wants."""
    yield from _or_skip(processes.postgres())


@pytest.fixture
def postgres_url(postgres_server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own on a real PostgreSQL."""
    import psycopg

    name = f"t{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield postgres_server_url.rsplit("/", 1)[0] + f"/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis, one a worker."""
    yield from _or_skip(processes.redis_server())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Server]:
    """A real Aragora on SQLite with the extractive agents, shared by the tests of a module."""
    with processes.aragora(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data directory for a server of the test's own."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as in production: in memory, threads lock each other out at once."""
    default = connections["default"]
    if default.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        default.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(scope="session", autouse=True)
def tests_see_everything() -> Iterator[None]:
    """A test sees everything that it asks for itself. What requests, the stream and workers ask
    for they ask in scopes of their own, and it is an error if they have none."""
    with across_tenants(Purpose.OPERATOR):
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    tests_see_everything: None, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """On PostgreSQL the owner makes the tables, and tests then are the program."""
    if connections["default"].settings_dict["USER"] != OWNER:
        yield
        return
    with django_db_blocker.unblock():
        let_app_flush()
        become(APP)
        yield
        become(OWNER)
