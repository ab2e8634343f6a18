"""Put a backup in place of the database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aragora_site.persistence.archive import BackupRefused, Manifest
from aragora_site.persistence.backups import Installation, check, lacks_migrations
from aragora_site.persistence.telling import stages


class Command(BaseCommand):
    help = (
        "Restores a backup of `manage.py backup`, all of it or nothing. It is checked first. Stop "
        "the servers and workers before. PostgreSQL needs pg_restore and psql, and the role that "
        "owns the tables."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `manage.py backup` has made")
        parser.add_argument(
            "--replace", action="store_true", help="drop what is in the database; asks first"
        )
        parser.add_argument(
            "--no-input", action="store_true", help="do not ask; for scripts, with --replace"
        )
        parser.add_argument(
            "--check", action="store_true", help="read the backup to its end, and restore nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._restore(options["file"], options)
        except BackupRefused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:  # The disk is full, for instance.
            raise CommandError(f"{error.strerror or error}. Nothing was changed.") from error

    def _restore(self, file: Path, options: dict[str, Any]) -> None:
        with stages() as stage:
            manifest = check(file, stage=stage)
        self.stdout.write(_described(manifest))
        if options["check"]:
            self.stdout.write("The backup is whole. Nothing was restored.")
            return
        installation = Installation(settings.ARAGORA)
        if tables := installation.tables():
            self._confirm(installation.name, tables, options)
        with stages() as stage:
            installation.restore(file, manifest, stage=stage)
        self.stdout.write(f"Restored to {installation.name}.")
        if lacks_migrations(manifest):
            self.stdout.write(
                "It is of an older version: run `manage.py prepare` before you start."
            )

    def _confirm(self, name: str, tables: dict[str, int], options: dict[str, Any]) -> None:
        """Raises CommandError unless the rows that there are may go."""
        there = f"{name} holds {sum(tables.values()):,} rows in {len(tables)} tables"
        if not options["replace"]:
            raise CommandError(f"{there}. To drop them, add --replace. Nothing was changed.")
        if options["no_input"]:
            return
        if not sys.stdin.isatty():
            raise CommandError(f"{there}, and nobody can be asked: add --no-input.")
        self.stdout.write(f"{there}. All of them will be dropped.")
        if input("Type yes to go on: ").strip().lower() != "yes":
            raise CommandError("Nothing was changed.")


def _described(manifest: Manifest) -> str:
    return (
        f"A backup of {manifest.created_at} by Aragora {manifest.version}: "
        f"{manifest.row_count:,} rows in {len(manifest.rows)} tables of {manifest.database}."
    )
