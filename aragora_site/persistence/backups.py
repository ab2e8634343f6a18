"""Backups of this installation's database, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from aragora_site.databases import is_postgresql, parse, postgresql, sqlite_url
from aragora_site.environment import Environment
from aragora_site.persistence import sqlite_backup
from aragora_site.persistence.archive import (
    BackupRefused,
    Manifest,
    Stage,
    read_manifest,
    verify,
)

if TYPE_CHECKING:
    from aragora_site.persistence.postgresql_target import Target

QUEUE, QUEUE_APP = "procrastinate", "procrastinate.contrib.django"
"""Is there with PostgreSQL alone; a backup of it can be looked at elsewhere, too."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The database that the environment names."""

    environment: Environment

    @property
    def kind(self) -> str:
        return "postgresql" if is_postgresql(self.environment.database_url) else sqlite_backup.KIND

    @property
    def name(self) -> str:
        """For people."""
        return str(self._file) if self.kind == sqlite_backup.KIND else self._postgresql.name

    @property
    def _file(self) -> Path:
        return Path(str(parse(sqlite_url(self.environment))["NAME"]))

    @property
    def _postgresql(self) -> Target:
        # The driver takes half a second to import, and most installations have no PostgreSQL.
        from aragora_site.persistence.postgresql_target import Target

        url = self.environment.direct_database_url or self.environment.database_url
        return Target.of(postgresql(url))

    def tables(self) -> dict[str, int]:
        """The tables that there are, and their rows. Raises `BackupRefused`."""
        if self.kind == sqlite_backup.KIND:
            return sqlite_backup.tables_in(self._file)
        from aragora_site.persistence import postgresql_backup

        return postgresql_backup.tables_in(self._postgresql)

    def back_up(self, file: Path, *, now: datetime, stage: Stage) -> Manifest:
        """Make a backup and read it again. Raises `BackupRefused`, and leaves no file then."""
        describe = partial(
            Manifest, version=settings.ARAGORA_VERSION, created_at=now.isoformat(timespec="seconds")
        )
        if self.kind == sqlite_backup.KIND:
            if not self._file.exists():
                raise BackupRefused(f"There is no {self._file}: nothing to back up.")
            sqlite_backup.back_up(self._file, file, describe=describe, stage=stage)
        else:
            from aragora_site.persistence import postgresql_backup

            postgresql_backup.back_up(self._postgresql, file, describe=describe, stage=stage)
        return check(file, stage=stage)

    def restore(self, file: Path, manifest: Manifest, *, stage: Stage) -> None:
        """Put a backup that was checked in place of what there is. Raises `BackupRefused`, and
        nothing has changed then."""
        if manifest.database != self.kind:
            raise BackupRefused(
                f"{file} is of {manifest.database}, and this installation is on {self.kind}. "
                "Restore it where it was made; `manage.py migrate_database` moves from SQLite to "
                "PostgreSQL."
            )
        if self.kind == sqlite_backup.KIND:
            sqlite_backup.restore(file, manifest, self._file, stage=stage)
            return
        from aragora_site.persistence import postgresql_backup

        postgresql_backup.restore(file, manifest, self._postgresql, stage=stage)


def check(file: Path, *, stage: Stage) -> Manifest:
    """Read a backup to its end. Raises `BackupRefused` where it is damaged, or was made by a newer
    version than this one."""
    manifest = read_manifest(file)
    verify(file, manifest, report=stage("Checking", manifest.bytes))
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations) | {
        replaced for migration in loader.replacements.values() for replaced in migration.replaces
    }
    applied = [
        one for one in manifest.migrations if one[0] != QUEUE or apps.is_installed(QUEUE_APP)
    ]
    newer = [".".join(one) for one in applied if one not in known]
    if newer:
        raise BackupRefused(
            f"{file} was made by Aragora {manifest.version}, which is newer than this one: "
            f"it knows {', '.join(newer[:3])}. Restore it with that version."
        )
    return manifest


def lacks_migrations(manifest: Manifest) -> bool:
    """Whether the program has to bring the backup up to date."""
    return not set(MigrationLoader(None).disk_migrations) <= set(manifest.migrations)
