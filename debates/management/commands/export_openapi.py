"""Write docs/openapi.json from the code, or check that it is what the code says."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

SCHEMA_FILE = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"


def rendered_schema() -> str:
    """The schema as the file holds it."""
    from debates.api.api import api

    schema = api.get_openapi_schema(path_prefix="/api")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    help = "Writes the OpenAPI schema of the REST API to docs/openapi.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail when the file has drifted"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        schema = rendered_schema()
        if not check:
            SCHEMA_FILE.write_text(schema, encoding="utf-8")
            self.stdout.write(f"Wrote {SCHEMA_FILE.name} for version {settings.ARAGORA_VERSION}.")
        elif not SCHEMA_FILE.exists() or SCHEMA_FILE.read_text(encoding="utf-8") != schema:
            raise CommandError(
                "docs/openapi.json is not what the code says. Run `manage.py export_openapi`."
            )
        else:
            self.stdout.write("docs/openapi.json is up to date.")
