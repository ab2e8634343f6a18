"""Makes embeddings and search indexes anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from debates.services.remembering import index_questions
from memory.services.upkeep import rebuild_indexes, reindex


class Command(BaseCommand):
    help = (
        "Embed what another embedder has embedded, after ARAGORA_EMBEDDER was changed, and rebuild "
        "the search indexes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="embed everything again")

    def handle(self, **options: Any) -> None:
        rebuild_indexes()
        entries = reindex(everything=options["all"])
        questions = index_questions(everything=options["all"])
        self.stdout.write(f"{entries} entries and {questions} questions embedded.")
