"""Load the demo corpus."""

from typing import Any

from django.core.management.base import BaseCommand

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.services.documents import load_demo_corpus


class Command(BaseCommand):
    help = (
        "Load the demo corpus, from which agents argue that are no language models when a debate "
        "brings no documents. What is there already is left or brought up to date."
    )

    @across_tenants(Purpose.OPERATOR)
    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_demo_corpus()
        changed = loaded.added or loaded.updated
        if options["verbosity"] > (0 if changed else 1):
            self.stdout.write(
                f"Demo corpus: {loaded.added} added, {loaded.updated} updated, "
                f"{loaded.unchanged} there already."
            )
