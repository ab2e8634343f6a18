"""Django's own `migrate`, past the pooler."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate

from aragora_site.databases import past_the_pooler


class Command(DjangoMigrate):
    """Goes to `ARAGORA_DIRECT_DATABASE_URL` where that is set."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with past_the_pooler():
            return super().execute(*args, **options)
