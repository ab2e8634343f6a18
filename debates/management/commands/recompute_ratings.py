"""Replays all matches and puts the ratings right."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from debates.ranking.services import recompute_ratings


class Command(BaseCommand):
    help = "Recompute the ratings from the log of matches; the result is the same bit for bit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Change nothing; exit with 1 when a stored figure differs from the log.",
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        found = recompute_ratings(now=timezone.now(), write=not check)
        for difference in found.differences:
            self.stdout.write(difference)
        summary = f"{found.matches} matches, {len(found.differences)} differences"
        if check and found.differences:
            raise CommandError(f"{summary}. Run without --check to put them right.")
        self.stdout.write(f"{summary}{', put right' if found.differences else ''}.")
