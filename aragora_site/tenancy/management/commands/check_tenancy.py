"""Prove on the live database that tenants are kept apart."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from enum import IntEnum
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from aragora_site.tenancy.proof import Finding, prove


class Exit(IntEnum):
    """What the exit code says."""

    PROVED = 0
    FAILED = 1
    NOT_POSTGRESQL = 2


class Command(BaseCommand):
    help = (
        "Proves that tenants are kept apart by the database: every table of tenants is under "
        "row-level security, the role of the program is not above it, and rows that are made for "
        "the purpose, and rolled back, are out of the reach of other tenants. Exit code 0: proved; "
        "1: not so; 2: the database is not PostgreSQL, and only the program keeps tenants apart."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            self.stderr.write(
                "The database is not PostgreSQL, so it has no row-level security: tenants are kept "
                "apart by the program alone."
            )
            sys.exit(Exit.NOT_POSTGRESQL)
        try:
            findings = prove()
        except Error as error:
            findings = [Finding("database", "can be looked at", False, str(error).strip())]
        failed = [finding for finding in findings if not finding.ok]
        if options["json"]:
            document = {"ok": not failed, "findings": [asdict(finding) for finding in findings]}
            self.stdout.write(json.dumps(document))
        else:
            self._print(findings, failed)
        if failed:
            sys.exit(Exit.FAILED)

    def _print(self, findings: Sequence[Finding], failed: Sequence[Finding]) -> None:
        """One line for each table that holds, and one for each thing that does not."""
        subjects = list(dict.fromkeys(finding.subject for finding in findings))
        width = max(map(len, subjects))
        for subject in subjects:
            of = [finding for finding in findings if finding.subject == subject]
            wrong = [finding for finding in of if not finding.ok]
            word = f"{len(wrong)} of {len(of)} FAILED" if wrong else f"ok ({len(of)} checks)"
            self.stdout.write(f"{subject:<{width}}  {word}")
            for finding in wrong:
                detail = f": {finding.detail}" if finding.detail else ""
                self.stdout.write(f"{'':<{width}}  NOT {finding.check}{detail}")
        self.stdout.write(
            f"{len(failed)} of {len(findings)} checks failed."
            if failed
            else f"All {len(findings)} checks passed: tenants are kept apart."
        )
