"""Make a key for a service of the operator's own."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aragora_site.errors import InvalidInput
from ratelimit.keys import create_key
from ratelimit.models import KeyKind, Scope


class Command(BaseCommand):
    help = "Makes an API key that is not limited, for service to service, and prints it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--user", required=True, help="user name of the account it acts for")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.WRITE.value)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {options['user']!r}.")
        try:
            _, token = create_key(
                user=user,
                workspace=None,
                name=options["name"],
                scope=options["scope"],
                kind=KeyKind.INTERNAL,
                now=timezone.now(),
            )
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Keep this key; it is not shown again:")
        self.stdout.write(token)
