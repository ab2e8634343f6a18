"""Staff see where the memory of a process went, once the operator has turned that on."""

from __future__ import annotations

import dataclasses
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from monitoring.profiling import Profile, start_profiling
from tests.factories import make_user
from tests.support.processes import manage, server_environment

pytestmark = pytest.mark.django_db

PAGE = "/admin/memory-profile/"
MEGABYTES = 5


@pytest.fixture
def profiling(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.ARAGORA = dataclasses.replace(settings.ARAGORA, memory_profiling=True)
    monkeypatch.setattr("aragora_site.memory_profile.profile", Profile())
    start_profiling()
    yield
    tracemalloc.stop()


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("olga", password="x"))
    return client


def test_what_grew_between_two_snapshots_is_listed_first(profiling: None, olga: Client) -> None:
    assert "No snapshot yet" in olga.get(PAGE).content.decode()
    assert "Largest now" in olga.post(PAGE, follow=True).content.decode()
    leak = [bytearray(1024 * 1024) for _ in range(MEGABYTES)]
    page = olga.post(PAGE, follow=True).content.decode()
    grown, _, largest = page.partition("Largest now")
    (first, more) = re.findall(r'<th scope="row">([^<]+)</th><td>([\d.]+) KB', grown)[0]
    assert first.startswith("tests/monitoring/test_memory_profile.py:")
    assert float(more) >= MEGABYTES * 1024
    assert first in largest
    assert str(Path(__file__).parents[2]) not in page
    assert len(leak) == MEGABYTES


def test_it_is_for_staff_and_asking_for_a_snapshot_needs_the_form(
    profiling: None, olga: Client
) -> None:
    charlie = Client()
    charlie.force_login(make_user("charlie"))
    for client in (charlie, Client()):
        for answer in (client.get(PAGE), client.post(PAGE)):
            assert (answer.status_code, answer.headers["Location"][:13]) == (302, "/admin/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = olga.cookies
    assert strict.post(PAGE).status_code == 403


def test_while_it_is_off_there_is_no_such_page(olga: Client) -> None:
    assert not tracemalloc.is_tracing()
    assert olga.get(PAGE).status_code == 404
    assert olga.post(PAGE).status_code == 404
    assert not tracemalloc.is_tracing()


def test_two_snapshots_are_not_taken_at_once(
    profiling: None, olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Profile, "take", lambda self: False)
    assert "look again in a moment" in olga.post(PAGE, follow=True).content.decode()


@pytest.mark.parametrize("value", ["true", "false"])
def test_the_variable_turns_it_on(tmp_path: Path, value: str) -> None:
    env = server_environment(tmp_path, ARAGORA_MEMORY_PROFILING=value)
    asked = "import tracemalloc; print(tracemalloc.is_tracing())"
    done = manage("shell", "--no-imports", "-c", asked, env=env)
    assert done.stdout.strip() == value.title(), done.stderr
