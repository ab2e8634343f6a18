"""Regular work of the whole installation, done once however many processes could do it.

An app that has some says so in a module `chores`:

    CHORES = (("memory_expiry", 60.0, expire_entries),)

that is a name of its own, the seconds from one time to the next, and what is called with the
present moment, outside of a transaction. Every process that runs debates asks what is due; the one
that moves the row's `due_at` on does it. When it dies in between, the next time is soon enough, so
a chore has to be such that it may be left out, or be cut off and begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import structlog
from django.apps import apps

from debates.models import Chore

log = structlog.get_logger(__name__)

MODULE = "chores"


class RegularWork(NamedTuple):
    """One of an app's `CHORES`."""

    name: str
    every_seconds: float
    carry_out: Callable[[datetime], object]


def do_what_is_due(*, now: datetime) -> list[str]:
    """Carry out what is due and nobody else has begun; the names of it. One that fails does not
    hold up the others."""
    due_at = dict(Chore.objects.values_list("name", "due_at"))
    done = []
    for work in all_work():
        due = due_at.get(work.name)
        if (due is None or due <= now) and _claim(work, due, now):
            done.append(work.name)
            try:
                work.carry_out(now)
            except Exception as error:
                log.error("chore_failed", chore=work.name, error=type(error).__name__)
    return done


@cache
def all_work() -> tuple[RegularWork, ...]:
    """The chores of all installed apps. Raises `ValueError` when two have the same name."""
    found = tuple(_of_installed_apps())
    names = [work.name for work in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"There are two chores of the name {min(twice)}.")
    return found


def _of_installed_apps() -> Iterator[RegularWork]:
    for app in apps.get_app_configs():
        module = f"{app.name}.{MODULE}"
        if find_spec(module) is not None:
            yield from (RegularWork(*work) for work in import_module(module).CHORES)


def _claim(work: RegularWork, due: datetime | None, now: datetime) -> bool:
    next_time = now + timedelta(seconds=work.every_seconds)
    if due is None:
        _, created = Chore.objects.get_or_create(name=work.name, defaults={"due_at": next_time})
        return created
    claimed = Chore.objects.filter(name=work.name, due_at=due).update(due_at=next_time)
    return claimed == 1
