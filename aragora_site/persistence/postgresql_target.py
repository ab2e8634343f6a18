"""A PostgreSQL database, as this process and PostgreSQL's own programs are told of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aragora_site.persistence.archive import BackupRefused
from aragora_site.tenancy.database import SETTING
from aragora_site.tenancy.scopes import EVERYTHING, Purpose

CONNECT_SECONDS = 10
SECRETS = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
"""Options of a database's URL that are as good as its password."""
SERVICE = "aragora"
"""The section of the service file that holds them."""

_OF_DJANGO = {"pool", "prepare_threshold", "server_side_binding", "assume_role", "isolation_level"}
"""Options that are not the driver's."""


@dataclass(frozen=True, slots=True)
class Target:
    """A database, and how its programs are told of it: never with the password among their
    arguments, which everybody on the machine can read."""

    conninfo: str
    password: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Further options that nobody else is to read."""

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Target:
        """From one of Django's databases."""
        options = {k: v for k, v in settings["OPTIONS"].items() if k not in _OF_DJANGO}
        told = f"-c {SETTING}={EVERYTHING}{Purpose.OPERATOR}"
        # The transaction whose snapshot is dumped is idle for as long as the dump takes.
        told += " -c idle_in_transaction_session_timeout=0"
        options["options"] = f"{options.get('options', '')} {told}".strip()
        given = {
            "host": settings["HOST"],
            "port": settings["PORT"],
            "dbname": settings["NAME"],
            "user": settings["USER"],
        }
        named = {name: value for name, value in given.items() if value}
        merged = {"connect_timeout": CONNECT_SECONDS, **options, **named}
        password = merged.pop("password", "") or settings["PASSWORD"]
        secrets = {name: str(merged.pop(name)) for name in SECRETS if name in merged}
        return cls(make_conninfo("", **merged), password, secrets)

    @property
    def name(self) -> str:
        found = conninfo_to_dict(self.conninfo)
        return f"{found.get('host', 'localhost')}:{found.get('port', 5432)}/{found['dbname']}"

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            opened = psycopg.connect(
                make_conninfo(self.conninfo, **self.secrets), password=self.password or None
            )
        except psycopg.Error as error:
            raise BackupRefused(
                f"{self.name} cannot be reached: {last_line(str(error))} Name the database past a "
                "pooler (ARAGORA_DIRECT_DATABASE_URL)."
            ) from None
        with opened:
            yield opened

    def command(self, name: str, *arguments: str) -> list[str]:
        program = shutil.which(name)
        if program is None:
            raise BackupRefused(
                f"{name} is not installed. It comes with PostgreSQL's client: on Debian and Ubuntu "
                "apt install postgresql-client, of a version not older than the server's."
            )
        return [program, *arguments]

    @property
    def argument(self) -> str:
        """By which programs are told of it, within `environment`."""
        told = make_conninfo(self.conninfo, service=SERVICE) if self.secrets else self.conninfo
        return f"--dbname={told}"

    @contextmanager
    def environment(self) -> Iterator[dict[str, str]]:
        """In which programs are run. Secrets that no variable can hold are in a file of the
        account's own, a service file, for as long. Raises `BackupRefused` where it cannot hold
        them."""
        variables = os.environ | ({"PGPASSWORD": self.password} if self.password else {})
        if not self.secrets:
            yield variables
            return
        for name, value in self.secrets.items():
            if value != value.strip() or not value.isprintable():
                raise BackupRefused(
                    f"{name} of the database has blanks at an end, or characters that cannot be "
                    "printed: no service file can hold that. Choose another one."
                )
        if "service" in conninfo_to_dict(self.conninfo):
            raise BackupRefused(
                f"The database names a service and {', '.join(self.secrets)}: put the second into "
                "the file of the first."
            )
        with tempfile.NamedTemporaryFile("w", prefix="aragora-", suffix=".conf") as file:
            lines = [f"{name}={value}" for name, value in self.secrets.items()]
            file.write("\n".join((f"[{SERVICE}]", *lines, "")))
            file.flush()
            yield variables | {"PGSERVICEFILE": file.name}


def last_line(text: str) -> str:
    """One sentence of what a program said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1].rstrip('.')}." if lines else "it gave no reason."
