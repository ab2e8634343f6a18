"""Make a backup of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from aragora_site.persistence.archive import BackupRefused
from aragora_site.persistence.backups import Installation
from aragora_site.persistence.telling import stages


class Command(BaseCommand):
    help = (
        "Makes a backup of the whole database while the servers go on, and reads it again. "
        "PostgreSQL needs pg_dump. The file holds everything, passwords' hashes included: only its "
        "owner may read it. docs/BACKUPS.md says what belongs beside it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="a new file; or a folder, for a name with the time"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now, file = timezone.now(), options["file"]
        if file.is_dir():
            file /= f"aragora-{now:%Y%m%dT%H%M%SZ}.backup"
        installation = Installation(settings.ARAGORA)
        try:
            with stages() as stage:
                manifest = installation.back_up(file, now=now, stage=stage)
        except BackupRefused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:  # The disk is full, for instance.
            raise CommandError(f"{error.strerror or error}. There is no backup.") from error
        self.stdout.write(
            f"Backed up {manifest.row_count:,} rows in {len(manifest.rows)} tables of "
            f"{installation.name} to {file} ({file.stat().st_size / 1e6:,.1f} MB)."
        )
