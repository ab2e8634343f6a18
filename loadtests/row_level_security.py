"""What it costs that PostgreSQL itself keeps tenants apart.

The same server program and role, with the policies and without (`DISABLE ROW LEVEL SECURITY`), in
turns on one database of many tenants: requests a second over HTTP, and the statements of the hot
paths in one process.

    python -m loadtests.row_level_security [--seconds N] [--runs N]

The exit code is 1 when a ratio is below its target.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aragora_site.tenancy.scopes import Purpose, across_tenants, act_for
from loadtests.support import Figure, report
from loadtests.support import scratch_environment as environment

TENANTS, DEBATES, EVENTS = 200, 25, 40
LONG = 500
"""Events of the one debate whose log is read."""
TARGET_RATIO = 0.7
PATHS = {"list of 20 debates": "/api/v1/debates", "one debate": "/api/v1/debates/measured"}


def django(url: str, directory: Path) -> None:
    """Set this process up for the database."""
    import os

    os.environ |= environment(
        directory, DATABASE_URL=url, DJANGO_SETTINGS_MODULE="aragora_site.settings"
    )
    import django as framework

    framework.setup()


@across_tenants(Purpose.OPERATOR)
def fill() -> Any:
    """Private debates of many tenants, some public ones, and one with a long log."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from debates.models import Debate, DebateEvent
    from ratelimit.models import Workspace
    from tests.factories import make_debate

    owner = User.objects.create(username="owner")
    workspaces = Workspace.objects.bulk_create(
        Workspace(slug=f"tenant-{number}", name="Tenant") for number in range(TENANTS)
    )
    measured = make_debate(slug="measured", owner=owner, workspace=workspaces[0], last_seq=LONG)
    debates = [
        Debate(
            slug=f"debate-{place}-{number}",
            question="Is it so?",
            owner=owner,
            workspace=workspace,
            visibility="public" if number == 0 else "private",
            panel=measured.panel,
            protocol=measured.protocol,
            decision=measured.decision,
            seed=1,
        )
        for place, workspace in enumerate(workspaces)
        for number in range(DEBATES)
    ]
    Debate.objects.bulk_create(debates, batch_size=500)
    for debate, count in [(measured, LONG), *((debate, EVENTS) for debate in debates[::10])]:
        DebateEvent.objects.bulk_create(
            DebateEvent(
                debate=debate,
                seq=seq,
                type="agent_message",
                data={"debate_id": str(debate.pk), "content": "word " * 60},
                created_at=timezone.now(),
            )
            for seq in range(1, count + 1)
        )
    return measured


def statements(debate: Any) -> dict[str, Callable[[], object]]:
    """The hot paths: what a reader of the API, the stream's hub and a worker do."""
    from django.db import transaction
    from django.utils import timezone

    from debates import selectors
    from debates.choices import EventType
    from debates.services.events import NewEvent, append_events
    from debates.streaming.queries import read_frames

    def list_events() -> object:
        with act_for(debate.workspace_id):
            return list(selectors.list_events(debate=debate, since=0, limit=LONG))

    def append() -> object:
        data = {"debate_id": str(debate.pk), "content": "word " * 60}
        events = [NewEvent(EventType.AGENT_MESSAGE, data, round=1, agent="ada")] * 10
        with act_for(debate.workspace_id), transaction.atomic():
            append_events(debate_id=debate.pk, events=events, now=timezone.now())
            transaction.set_rollback(True)
        return None

    return {
        f"log of {LONG} events, API": list_events,
        f"log of {LONG} events, hub": lambda: read_frames(debate.pk, after=0, limit=LONG),
        "ten events appended by a worker": append,
    }


def a_second(work: Callable[[], object], seconds: float) -> float:
    work()
    began, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - began) < seconds:
        work()
        count += 1
    return count / taken


def over_http(url: str, path: str, directory: Path, seconds: float) -> float:
    from loadtests.handler_rps import measure

    env = environment(directory, DATABASE_URL=url, DJANGO_SETTINGS_MODULE="aragora_site.settings")
    return measure("one-hop", path, seconds, env)


def switch(url: str, word: str) -> None:
    """ENABLE or DISABLE the policies of all tables, as the superuser."""
    import psycopg

    from aragora_site.tenancy.registry import tables

    with psycopg.connect(url, autocommit=True) as connection:
        for table in sorted(tables()):
            connection.execute(f"ALTER TABLE {table} {word} ROW LEVEL SECURITY".encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    from tests.support.processes import postgres
    from tests.support.roles import APP, OWNER, as_role, make_roles

    with postgres() as url, tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        make_roles(url)
        env = environment(directory, DATABASE_URL=as_role(url, OWNER))
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=env, check=True)
        app = as_role(url, APP)
        django(app, directory)
        debate = fill()
        works: dict[str, Callable[[], float]] = {
            name: lambda path=path: over_http(app, path, directory, arguments.seconds)  # type: ignore[misc]
            for name, path in PATHS.items()
        } | {
            name: lambda work=work: a_second(work, arguments.seconds)  # type: ignore[misc]
            for name, work in statements(debate).items()
        }
        figures = []
        for name, work in works.items():
            rates: dict[str, list[float]] = {"DISABLE": [], "ENABLE": []}
            for _ in range(arguments.runs):
                for word, values in rates.items():
                    switch(url, word)
                    values.append(work())
            ratios = [on / off for off, on in zip(*rates.values(), strict=True)]
            figures += [
                Figure(f"{name}, no policies", rates["DISABLE"], "/s"),
                Figure(f"{name}, policies", rates["ENABLE"], "/s"),
                Figure(f"{name}, ratio", ratios, "", at_least=TARGET_RATIO),
            ]
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
