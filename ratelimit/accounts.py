"""Accounts: made, changed, found by what people type.

Names are public and unique, as they are wherever people are named to each other. E-mail addresses
are neither: nobody learns from this server who has an account, and an address that somebody typed
proves nothing about them.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from aragora_site.errors import InvalidInput, NotAllowed
from ratelimit.keys import revoke
from ratelimit.models import ApiKey, KeyKind
from ratelimit.workspaces import personal_workspace

log = structlog.get_logger(__name__)

MAX_PASSWORD_LENGTH = 4096
"""Hashing takes as long as the password is."""
MAX_DISPLAY_NAME = 150
ACCOUNTS_AN_ADDRESS = 5
"""So many accounts with one e-mail address are tried when somebody signs in by it."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
NAME_HELP = (
    "2 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit."
)


class RegistrationClosed(NotAllowed):
    code = "registration_closed"


def register(*, email: str, password: str, username: str = "", display_name: str = "") -> User:
    """A new account with a workspace of its own.

    Without a `username`, one is made of the e-mail address. Raises `RegistrationClosed`, or
    `InvalidInput` with every wrong field; then nothing is written."""
    if not settings.ARAGORA.allow_registration:
        raise RegistrationClosed("Registration is closed here. Ask an operator for an account.")
    email, username, display_name = email.strip(), username.strip(), display_name.strip()
    faults = [*_email_faults(email), *_display_name_faults(display_name)]
    if username:
        faults += _username_faults(username)
    else:
        username = _free_name(email.partition("@")[0])
    user = User(username=username, email=email, first_name=display_name)
    faults += _password_faults("password", password, user)
    if faults:
        raise _wrong(faults)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
            personal_workspace(user)
    except IntegrityError:
        raise _wrong([("username", "This name is taken.")]) from None
    log.info("account_registered", user_id=user.pk)
    return user


def change_password(*, user: User, current: str, new: str) -> None:
    """Set a new password, which ends the account's other sessions and its sign-ins over the API.

    Raises `InvalidInput`."""
    faults = []
    if len(current) > MAX_PASSWORD_LENGTH or not user.check_password(current):
        faults.append(("current_password", "This is not your current password."))
    faults += _password_faults("new_password", new, user)
    if faults:
        raise _wrong(faults)
    user.set_password(new)
    user.save(update_fields=["password"])
    revoke(ApiKey.objects.filter(user=user, kind=KeyKind.SIGN_IN), now=timezone.now())
    log.info("password_changed", user_id=user.pk)


def update_account(
    *, user: User, display_name: str | None = None, email: str | None = None
) -> User:
    """Change what is given. Raises `InvalidInput`."""
    changed = []
    faults: list[tuple[str, str]] = []
    if display_name is not None:
        user.first_name = display_name.strip()
        faults += _display_name_faults(user.first_name)
        changed.append("first_name")
    if email is not None:
        user.email = email.strip()
        faults += _email_faults(user.email)
        changed.append("email")
    if faults:
        raise _wrong(faults)
    user.save(update_fields=changed)
    return user


class NameOrEmailBackend(ModelBackend):
    """Signing in by the name or by the e-mail address.

    An address may be that of several accounts, so the password says which one is meant. Whether
    there is an account at all cannot be told by the time it takes."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if not username or password is None or len(password) > MAX_PASSWORD_LENGTH:
            return None
        if "\0" in username:
            return None
        wanted = Q(username=username)
        if "@" in username:
            wanted |= Q(email__iexact=username)
        found = list(User.objects.filter(wanted).order_by("pk")[:ACCOUNTS_AN_ADDRESS])
        for user in found:
            if user.check_password(password) and self.user_can_authenticate(user):
                return user
        if not found:
            User().set_password(password)
        return None


# --- What may be --------------------------------------------------------------------------------


def _email_faults(email: str) -> list[tuple[str, str]]:
    try:
        validate_email(email)
    except ValidationError:
        return [("email", "Use an e-mail address, such as name@example.org.")]
    return [] if len(email) <= 254 else [("email", "Use an address of at most 254 characters.")]


def _display_name_faults(name: str) -> list[tuple[str, str]]:
    if len(name) > MAX_DISPLAY_NAME or not (name.isprintable() or not name):
        return [("name", f"Use at most {MAX_DISPLAY_NAME} characters on one line.")]
    return []


def _username_faults(name: str) -> list[tuple[str, str]]:
    if not _NAME.fullmatch(name):
        return [("username", f"Use {NAME_HELP}")]
    if User.objects.filter(username__iexact=name).exists():
        return [("username", "This name is taken.")]
    return []


def check_new_password(password: str, user: User) -> None:
    """Raise Django's `ValidationError` for a password that is no good."""
    if len(password) > MAX_PASSWORD_LENGTH:
        raise ValidationError(f"Use at most {MAX_PASSWORD_LENGTH:,} characters.")
    password_validation.validate_password(password, user)


def _password_faults(field: str, password: str, user: User) -> list[tuple[str, str]]:
    try:
        check_new_password(password, user)
    except ValidationError as error:
        return [(field, message) for message in error.messages]
    return []


def _free_name(wish: str) -> str:
    """A name near to the wish; one that is taken gets a few random characters, so that it tells
    nobody who is here already."""
    name = re.sub(r"[^A-Za-z0-9._-]", "", wish).lstrip("._-")[:50]
    if len(name) < 2 or User.objects.filter(username__iexact=name).exists():
        name = f"{name or 'user'}-{secrets.token_hex(3)}"
    return name


def _wrong(faults: list[tuple[str, str]]) -> InvalidInput:
    names = dict.fromkeys(field for field, _ in faults)
    if len(faults) == 1:
        return InvalidInput(f"{faults[0][0]}: {faults[0][1]}", fields=tuple(faults))
    return InvalidInput(
        f"Correct these fields and try again: {', '.join(names)}.", fields=tuple(faults)
    )
