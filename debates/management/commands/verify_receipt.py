"""Checks a receipt of a debate, here or on any machine that has the program."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates import signing
from debates.canonical import NameTwice, unique_names
from debates.models import Debate
from debates.selectors.receipts import (
    DebateState,
    SignatureState,
    check_signature,
    compare,
    compare_export,
)


class Command(BaseCommand):
    help = "Check the signature of a receipt, and the debate that it was made of."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("receipt", type=Path, help="the file that the receipt is in")
        parser.add_argument(
            "--transcript",
            type=Path,
            help="a JSON export of the debate; otherwise the debate is looked for in the database",
        )
        parser.add_argument(
            "--public-key",
            help="the key of the server that is said to have signed it; otherwise this server's",
        )

    def handle(
        self, *, receipt: Path, transcript: Path | None, public_key: str | None, **options: Any
    ) -> None:
        signed = _read(receipt)
        match check_signature(signed, key=(public_key or signing.public_key()).lower()):
            case SignatureState.BAD:
                raise CommandError("The receipt is not what was signed.")
            case SignatureState.OTHER_KEY:
                raise CommandError(
                    "The receipt is unchanged, but signed with another key, "
                    f"{signed['signature']['public_key']}. Ask whose key it is."
                )
        self.stdout.write("The signature is good.")
        compared = "The export" if transcript else "The debate here"
        match _compared(signed, transcript):
            case DebateState.DIFFERS:
                raise CommandError(f"{compared} is not what the receipt was made of.")
            case DebateState.SAME:
                self.stdout.write(
                    f"{compared} is what the receipt was made of: question, context, documents, "
                    "panel, protocol, verdict, times and transcript."
                )
            case DebateState.NOT_CHECKED:
                self.stdout.write("There is no such debate here, so it was compared with none.")


@across_tenants(Purpose.OPERATOR)
def _compared(signed: dict[str, Any], transcript: Path | None) -> DebateState:
    if transcript is not None:
        try:
            return compare_export(signed, _read(transcript))
        except (LookupError, TypeError, AttributeError) as error:
            raise CommandError(f"{transcript} is not a JSON export of a debate.") from error
    try:
        debate = Debate.objects.get(pk=UUID(str(signed["receipt"].get("debate_id"))))
    except (ValueError, Debate.DoesNotExist):
        return DebateState.NOT_CHECKED
    return compare(signed, debate)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes(), object_pairs_hook=unique_names)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except NameTwice as error:
        raise CommandError(f"{file} can be read in more than one way. {error}") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} is not JSON.") from error
    if not isinstance(content, dict):
        raise CommandError(f"{file} does not hold a JSON object.")
    return content
