"""Bring the database up to date and put in it what a first debate needs."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from aragora_site.tenancy.scopes import Purpose, across_tenants


class Command(BaseCommand):
    help = (
        "Migrates the database, loads the demo corpus and makes agents from what is configured. "
        "Changes nothing that is already there, so it may run before every start."
    )

    @across_tenants(Purpose.OPERATOR)
    def handle(self, *args: Any, **options: Any) -> None:
        verbosity = options["verbosity"]
        call_command("migrate", interactive=False, verbosity=max(0, verbosity - 1))
        call_command("load_demo", verbosity=verbosity)
        call_command("setup_agents", verbosity=verbosity)
