"""Removes what memory need not keep any longer."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from debates.running.upkeep import keep_memory


class Command(BaseCommand):
    help = "Remove the entries of memory that have expired. Until then they are never returned."

    def handle(self, **options: Any) -> None:
        kept = keep_memory(now=timezone.now())
        self.stdout.write(f"{kept.expired} expired, {kept.remembered} debates remembered late.")
