"""Callers as the limiter sees them: alice and bob have accounts, charlie is a stranger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ratelimit import callers, limiter

ALICE, BOB, CHARLIE = "203.0.113.1", "203.0.113.2", "203.0.113.3"
"""Where they are."""


@pytest.fixture
def nobody_known() -> Iterator[None]:
    """A limiter that has seen nobody: tests share a process, and users their numbers."""
    limiter._limiter.cache_clear()
    callers.tiers.forget()
    yield
    limiter._limiter.cache_clear()
    callers.tiers.forget()


@pytest.fixture
def configure(settings: Any, nobody_known: None) -> Callable[..., None]:
    """Set variables of the environment for one test: `configure(rate_limit=6)`."""

    def change(**values: Any) -> None:
        settings.ARAGORA = replace(settings.ARAGORA, **values)

    return change


@pytest.fixture
def limits(configure: Callable[..., None]) -> None:
    """The limits of the guide, as on a server that others can reach."""
    configure(rate_limit=60, ip_rate_limit=120, burst_multiplier=2.0, limit_loopback=True)


@pytest.fixture
def as_charlie(db: None) -> Client:
    return Client(REMOTE_ADDR=CHARLIE)


def signed_in(user: User, address: str) -> Client:
    client = Client(REMOTE_ADDR=address)
    client.force_login(user)
    return client


@pytest.fixture
def as_alice(alice: User) -> Client:
    return signed_in(alice, ALICE)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return signed_in(bob, BOB)
