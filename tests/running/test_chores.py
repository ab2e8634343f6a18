"""Regular work is done once, however many could do it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connections
from django.utils import timezone

from debates.models import Chore
from debates.running import chores
from debates.running.chores import RegularWork, do_what_is_due

NOW = timezone.now()
Register = Callable[..., None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Puts other work in the place of that of the apps."""

    def put(*work: RegularWork) -> None:
        monkeypatch.setattr(chores, "all_work", lambda: work)

    return put


def test_every_installed_app_says_what_it_does(transactional_db: None) -> None:
    names = {work.name for work in chores.all_work()}
    assert "job_reconciliation" in names
    assert set(do_what_is_due(now=NOW)) == names
    assert set(Chore.objects.values_list("name", flat=True)) == names


def test_it_is_due_again_after_its_interval(transactional_db: None, register: Register) -> None:
    done: list[datetime] = []
    register(RegularWork("sweep", 60, done.append))
    for seconds in (0, 1, 59, 60, 61, 300):
        do_what_is_due(now=NOW + timedelta(seconds=seconds))
    assert [(moment - NOW).total_seconds() for moment in done] == [0, 60, 300]


@pytest.mark.parametrize("first_time", [True, False])
def test_of_many_at_once_one_does_it(
    transactional_db: None, register: Register, first_time: bool
) -> None:
    done: list[datetime] = []
    register(RegularWork("sweep", 60, done.append))
    if not first_time:
        Chore.objects.create(name="sweep", due_at=NOW - timedelta(seconds=1))
    gate = threading.Barrier(4)

    def look() -> None:
        gate.wait()
        do_what_is_due(now=NOW)
        connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [NOW]


def test_work_that_fails_does_not_hold_up_the_rest(
    transactional_db: None, register: Register
) -> None:
    def fail(now: datetime) -> None:
        raise ValueError("It went wrong.")

    done: list[datetime] = []
    register(RegularWork("broken", 60, fail), RegularWork("sweep", 60, done.append))
    assert do_what_is_due(now=NOW) == ["broken", "sweep"]
    assert done == [NOW]
    assert do_what_is_due(now=NOW) == []
