"""Guessing passwords is slowed down, by address, without locking the account's owner out."""

import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _within_one_minute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library counts by the minute on the clock, so the clock is held while guessing."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    cache.clear()
    yield
    cache.clear()


def attempt(client: Client, path: str, password: str, address: str) -> int:
    answer = client.post(path, {"username": "alice", "password": password}, REMOTE_ADDR=address)
    return answer.status_code


@pytest.mark.parametrize("path", ["/sign-in/", "/admin/login/"])
def test_the_eleventh_guess_in_a_minute_waits(client: Client, path: str) -> None:
    get_user_model().objects.create_user("alice", password=PASSWORD, is_staff=True)
    for _ in range(10):
        assert attempt(client, path, "wrong", "203.0.113.7") == HTTPStatus.OK
    answer = client.post(
        path, {"username": "alice", "password": "wrong"}, REMOTE_ADDR="203.0.113.7"
    )
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert 1 <= int(answer["Retry-After"]) <= 60
    # Alice herself, elsewhere, is not locked out by the guesser.
    assert attempt(client, path, PASSWORD, "198.51.100.1") == HTTPStatus.FOUND


def test_looking_at_the_form_is_not_counted(client: Client) -> None:
    assert {client.get("/sign-in/").status_code for _ in range(15)} == {HTTPStatus.OK}
