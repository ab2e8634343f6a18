"""What this machine and configuration carry, or what a load needs."""

from __future__ import annotations

import dataclasses
import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aragora_site.checks import goes_through_a_pooler
from aragora_site.databases import is_postgresql
from aragora_site.startup import database_problem
from monitoring.capacity import machine, services
from monitoring.capacity.findings import Configured, Finding, Measured, Status, find
from monitoring.capacity.plan import Plan, plan
from monitoring.scaling.measured import INSTANCE

MOST = 1_000_000
COLOURS = {Status.OK: "green", Status.TIGHT: "yellow", Status.SHORT: "bold red"}


def _count(value: str) -> int:
    if not value.isdigit() or int(value) > MOST:
        raise ArgumentTypeError(f"use a whole number from 0 to {MOST:,}")
    return int(value)


class Command(BaseCommand):
    help = (
        "Measures this machine and what it reaches, and says of each limit what it carries beside "
        "what the settings ask of it. The exit code is 1 when the settings ask for more. With "
        "--plan, says instead how many processes so many debates need; that asks nobody."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--plan", type=_count, metavar="N", help="debates at once")
        parser.add_argument(
            "--sockets", type=_count, metavar="M", help="of the plan; default: 20 a debate"
        )
        parser.add_argument("--json", action="store_true", help="one document for other programs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] is not None:
            self._plan(options)
            return
        if options["sockets"] is not None:
            raise CommandError("--sockets belongs to --plan.")
        measured, configured = measure(), configuration()
        findings = find(measured, configured)
        short = [finding.limit for finding in findings if finding.status is Status.SHORT]
        if options["json"]:
            self._write(
                carries=not short,
                findings=[dataclasses.asdict(finding) for finding in findings],
                measured=dataclasses.asdict(measured),
                configured=dataclasses.asdict(configured),
                constants=dataclasses.asdict(INSTANCE),
            )
        else:
            _print_findings(findings, self._console())
        if short:
            sys.exit(1)

    def _plan(self, options: dict[str, Any]) -> None:
        environment = settings.ARAGORA
        core = INSTANCE.calibration.value / machine.calibrate()
        try:
            found = plan(
                options["plan"],
                options["sockets"],
                places=environment.max_concurrent_debates,
                sockets_of_instance=environment.max_websocket_connections,
                agents=environment.max_agents_per_debate,
                core=core,
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self._write(plan=dataclasses.asdict(found), constants=dataclasses.asdict(INSTANCE))
        else:
            _print_plan(found, self._console())

    def _write(self, **document: Any) -> None:
        self.stdout.write(json.dumps(document, indent=2))

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout), highlight=False)


def configuration() -> Configured:
    """What the settings ask for."""
    environment = settings.ARAGORA
    return Configured(
        debates=environment.max_concurrent_debates,
        agents=environment.max_agents_per_debate,
        sockets=environment.max_websocket_connections,
        instances=environment.instances,
        web_threads=environment.web_threads,
        web_queue=environment.web_queue,
        pool=environment.db_pool_size + environment.db_pool_overflow,
        postgresql=is_postgresql(environment.database_url),
        redis=bool(environment.redis_url),
        pooler=goes_through_a_pooler(environment),
    )


def measure() -> Measured:
    """This machine, its database and its Redis. Takes seconds at most, and changes nothing."""
    environment = settings.ARAGORA
    return Measured(
        calibration_seconds=machine.calibrate(),
        cores=machine.cores(),
        memory_megabytes=machine.memory_megabytes(),
        descriptors=machine.take_descriptors(),
        somaxconn=machine.kernel_number("net.core.somaxconn"),
        syn_backlog=machine.kernel_number("net.ipv4.tcp_max_syn_backlog"),
        **_measure_database(),
        **_measure_redis(environment.redis_url),
    )


def _measure_database() -> dict[str, Any]:
    if problem := database_problem():
        return {"database_problem": problem}
    try:
        there_and_back = {"database_seconds": services.database_seconds()}
        if not is_postgresql(settings.ARAGORA.database_url):
            folder = settings.ARAGORA.data_dir
            return {**there_and_back, "commit_seconds": machine.fsync_seconds(folder)}
        return {
            **there_and_back,
            "commit_seconds": services.commit_seconds(),
            "connections_allowed": services.connections_allowed(),
        }
    except DatabaseError as error:
        return {"database_problem": f"The database does not answer: {type(error).__name__}."}


def _measure_redis(url: str) -> dict[str, Any]:
    if not url:
        return {}
    import redis

    try:
        return {"redis_seconds": services.redis_seconds(url)}
    except redis.RedisError as error:
        name = type(error).__name__
        problem = f"Redis does not answer ({name}): start it, or correct ARAGORA_REDIS_URL."
        return {"redis_problem": problem}


# --- Words -------------------------------------------------------------------------------------


def _print_findings(findings: list[Finding], console: Console) -> None:
    table = Table(title="What this machine and these settings carry")
    for name in ("limit", "measured", "what it carries", "asked", ""):
        table.add_column(name, justify="right" if name == "asked" else "left")
    for finding in findings:
        table.add_row(
            finding.limit,
            finding.measured,
            f"{_number(finding.carries)} {finding.of}",
            _number(finding.needs),
            f"[{COLOURS.get(finding.status, 'dim')}]{finding.status}[/]",
        )
    console.print(table)
    changes = [finding for finding in findings if finding.change]
    if not changes:
        console.print("Nothing to change: the settings can be carried.")
        return
    # Beside the table, where it would break the names of variables.
    console.print("What to change:")
    for finding in changes:
        console.print(f"  {finding.limit} ({finding.status}): {escape(finding.change)}")


def _print_plan(found: Plan, console: Console) -> None:
    console.print(f"For {found.debates:,} debates at once and {found.sockets:,} sockets:")
    for name, value in _lines(found):
        console.print(f"  {name:<28}{value}")


def _lines(found: Plan) -> list[tuple[str, str]]:
    lines = [("instances (serve)", f"{found.instances:,}")]
    if found.workers:
        lines.append(("workers", f"{found.workers:,}, of {found.places} debates each"))
    else:
        lines.append(("workers", "none: the instance runs the debates itself"))
    if found.postgresql:
        lines += [
            ("database", "PostgreSQL" + (", behind PgBouncer" if found.pooler else "")),
            ("pool of each process", f"{found.pool}, overflow {found.overflow}"),
            ("connections, at most", f"{found.connections:,}"),
        ]
    else:
        lines.append(("database", "SQLite is enough"))
    lines.append(
        (
            "Redis",
            f"one: {found.redis_connections:,} connections, up to "
            f"{found.redis_messages_per_second:,} messages a second"
            if found.redis
            else "none needed",
        )
    )
    lines.append(("memory of an instance", f"{found.megabytes_of_instance:,} MB"))
    if found.workers:
        lines.append(("memory of a worker", f"{found.megabytes_of_worker:,} MB"))
    return [
        *lines,
        ("memory, all processes", f"{found.megabytes:,} MB as measured"),
        ("", f"{found.guide_megabytes:,} MB by the guide's formula, a ceiling"),
        ("cores, all processes", f"{found.cores:g} busy"),
    ]


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"
