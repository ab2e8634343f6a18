"""Move this installation from its SQLite file to PostgreSQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dj_database_url
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aragora_site.databases import is_postgresql, sqlite_url
from aragora_site.persistence.moving import (
    MoveRefused,
    Plan,
    databases,
    migrate_target,
    move,
    plan_move,
)
from aragora_site.tenancy.scopes import Purpose, across_tenants

BATCH_SIZE = 500


class Command(BaseCommand):
    help = (
        "Moves everything from an SQLite database to PostgreSQL and compares both. The source is "
        "opened read-only. A move that was ended goes on where it was when it is made again. Stop "
        "the servers of the source first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        environment = settings.ARAGORA
        target = environment.direct_database_url or environment.database_url
        parser.add_argument(
            "--from",
            dest="source",
            metavar="URL",
            default=sqlite_url(environment)
            if is_postgresql(environment.database_url) or not environment.database_url
            else environment.database_url,
            help="sqlite:///path; default: %(default)s",
        )
        parser.add_argument(
            "--to",
            dest="target",
            metavar="URL",
            default=target if is_postgresql(target) else "",
            help="postgresql://…, past a pooler; default: ARAGORA_DIRECT_DATABASE_URL, else "
            "DATABASE_URL",
        )
        parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="rows in one write")
        parser.add_argument(
            "--dry-run", action="store_true", help="look at both sides, and change nothing"
        )

    @across_tenants(Purpose.OPERATOR)
    def handle(self, *args: Any, **options: Any) -> None:
        source = _sqlite_file(options["source"])
        target: str = options["target"]
        if not is_postgresql(target):
            raise CommandError(
                "Name the target: --to postgresql://user:password@host:5432/name, or DATABASE_URL."
            )
        if options["batch_size"] < 1:
            raise CommandError("--batch-size is a whole number from 1 up.")
        try:
            self._move(source, target, options["batch_size"], dry_run=options["dry_run"])
        except MoveRefused as refused:
            raise CommandError(str(refused)) from refused

    def _move(self, source: Path, target: str, batch_size: int, *, dry_run: bool) -> None:
        if not source.exists():
            if dry_run:
                self.stdout.write(f"There is no {source}: nothing to move.")
                return
            migrate_target(target)
            self.stdout.write(f"The target is up to date. There is no {source}: nothing to move.")
            return
        with databases(source, target):
            plan = plan_move(source)
            self._tell(plan)
            if dry_run:
                self.stdout.write("Nothing was changed.")
                return
            if not plan.target_is_migrated:
                self.stdout.write("Bringing the target up to date.")
                migrate_target(target)
            self._carry_out(source, plan, batch_size)
        # Only now is it known that nobody has written to the source.
        rows = sum(table.rows for table in plan.tables)
        self.stdout.write(
            f"Moved {rows:,} rows in {len(plan.tables)} tables; both sides are the same. "
            "Start the servers with DATABASE_URL set to the target."
        )

    def _tell(self, plan: Plan) -> None:
        for table in plan.tables:
            if table.rows:
                self.stdout.write(f"{table.name:<40}{table.rows:>12,}")
        if plan.resumes:
            self.stdout.write("A move from here has begun; it goes on where it was.")

    def _carry_out(self, source: Path, plan: Plan, batch_size: int) -> None:
        columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn())
        console = Console(file=sys.stderr)
        with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
            bar = bars.add_task("", total=sum(table.rows for table in plan.tables))

            def report(table: str, rows: int) -> None:
                bars.update(bar, advance=rows, description=table)

            move(source, plan, batch_size=batch_size, report=report)
            bars.update(bar, description="compared")


def _sqlite_file(url: str) -> Path:
    if not url.startswith("sqlite:"):
        raise CommandError("Name the source as sqlite:///path/to/file.")
    name = str(dj_database_url.parse(url)["NAME"])
    if name == ":memory:":
        raise CommandError("A database in memory cannot be moved; name a file.")
    return Path(name)
