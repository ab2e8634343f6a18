"""API keys: made, found, revoked.

A key is `ara_PREFIX_SECRET`. The prefix finds the row; of the secret, which is 256 random bits,
only an HMAC is stored. A slow hash, as for passwords, would protect nothing here: it is there to
make guessing dear, and nobody guesses 256 bits; but it would cost every request a tenth of a
second. Nor is anything cached: one indexed query a request, and a key that is revoked is dead at
once on every instance.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import structlog
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.sql import Query
from django.utils.crypto import constant_time_compare, salted_hmac

from aragora_site.errors import InvalidInput, NotAllowed, NotFound
from ratelimit.models import ApiKey, KeyKind, Membership, Scope, Workspace

log = structlog.get_logger(__name__)

SIGN_IN_LIFETIME = timedelta(hours=24)
LONGEST_LIFETIME = timedelta(days=3653)
USE_NOTED_EVERY = timedelta(minutes=1)
MAX_KEYS = 50
"""Of one account."""
MAX_NAME_LENGTH = 100

_FORM = re.compile(r"ara_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_RANKS = {Scope.READ: 0, Scope.WRITE: 1, Scope.ADMIN: 2}


class InsufficientScope(NotAllowed):
    """The key is good, but not for this."""

    code = "insufficient_scope"


# --- Making and revoking -----------------------------------------------------------------------


def create_key(
    *,
    user: User,
    workspace: Workspace | None,
    name: str,
    now: datetime,
    scope: str = Scope.WRITE,
    kind: str = KeyKind.KEY,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is nowhere else from now on. Raises `InvalidInput`."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise _wrong("name", f"Give the key a name of 1 to {MAX_NAME_LENGTH} characters.")
    if scope not in Scope.values:
        raise _wrong("scopes", f"Use one of {', '.join(Scope.values)}.")
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFETIME:
        raise _wrong("expires_at", "Use a moment in the next ten years.")
    if kind == KeyKind.KEY and keys_of(user).count() >= MAX_KEYS:
        raise _wrong("name", f"You have {MAX_KEYS} keys. Revoke one that you do not use.")
    prefix = secrets.token_hex(6)
    token = f"ara_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        user=user,
        workspace=workspace,
        name=name,
        kind=kind,
        scope=scope,
        prefix=prefix,
        digest=_digest(token),
        session_hash=user.get_session_auth_hash() if kind == KeyKind.SIGN_IN else "",
        created_at=now,
        expires_at=expires_at,
    )
    log.info("api_key_created", key_id=str(key.pk), user_id=user.pk, kind=kind, scope=scope)
    return key, token


def revoke_key(*, key_id: UUID, user: User, now: datetime) -> None:
    """End a key of the account's own. Raises `NotFound`."""
    if not revoke(ApiKey.objects.filter(pk=key_id, user=user), now=now):
        raise NotFound("There is no such key, or it is not yours.")


def revoke(keys: QuerySet[ApiKey], *, now: datetime) -> int:
    """End these keys, on every instance at once; how many were good until now."""
    ended = keys.filter(revoked_at=None).update(revoked_at=now)
    if ended:
        log.info("api_keys_revoked", count=ended)
    return ended


def keys_of(user: User) -> QuerySet[ApiKey]:
    """The account's keys that were not revoked, newest first; sign-ins left out."""
    return (
        ApiKey.objects.filter(user=user, revoked_at=None)
        .exclude(kind=KeyKind.SIGN_IN)
        .select_related("workspace")
        .order_by("-created_at", "id")
    )


# --- Coming in by one --------------------------------------------------------------------------


def find_key(token: str, *, now: datetime) -> ApiKey | None:
    """The key, with its user and workspace, if it is good; notes that it was used."""
    match = _FORM.fullmatch(token)
    if match is None:
        return None
    key = _usable(now).filter(prefix=match[1]).first()
    if key is None or not constant_time_compare(key.digest, _digest(token)):
        return None
    if not _password_still_holds(key):
        return None
    _note_use(key, now)
    return key


def good_keys(key_ids: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Those that would be let in now. One query."""
    if not key_ids:
        return set()
    return {key.pk for key in _usable(now).filter(pk__in=key_ids) if _password_still_holds(key)}


def act_by(key: ApiKey) -> User:
    """The key's user, reaching no further than the key does (`key_behind`)."""
    user = key.user
    user.acts_by_key = key  # type: ignore[attr-defined]
    return user


def key_behind(user: AbstractBaseUser | AnonymousUser | None) -> ApiKey | None:
    """The key that somebody came in by; None for a session, and for nobody."""
    key: ApiKey | None = getattr(user, "acts_by_key", None)
    return key


def require_scope(user: AbstractBaseUser | AnonymousUser | None, scope: Scope) -> None:
    """Raise `InsufficientScope` for somebody whose key is not good for this."""
    key = key_behind(user)
    if key is not None and _RANKS[Scope(key.scope)] < _RANKS[scope]:
        raise InsufficientScope(
            f"This API key has the scope {key.scope}; this needs a key with the scope {scope}."
        )


def _usable(now: datetime) -> QuerySet[ApiKey]:
    """Not revoked, not expired, of an active account that still belongs to the workspace."""
    keys = ApiKey.objects.all()
    keys.query = _holding().chain()
    return keys.filter(Q(expires_at=None) | Q(expires_at__gt=now))


@cache
def _holding() -> Query:
    """What holds at any time. Kept: to put it together takes as long as all else of `find_key`,
    which is part of every request that comes by a key."""
    belongs = Membership.objects.filter(
        workspace=OuterRef("workspace_id"), user=OuterRef("user_id")
    )
    return (
        ApiKey.objects.select_related("user", "workspace")
        .filter(Q(workspace=None) | Exists(belongs), revoked_at=None, user__is_active=True)
        .query
    )


def _password_still_holds(key: ApiKey) -> bool:
    if key.kind != KeyKind.SIGN_IN:
        return True
    held: Sequence[str] = (
        key.user.get_session_auth_hash(),
        *key.user.get_session_auth_fallback_hash(),
    )
    return any(constant_time_compare(key.session_hash, one) for one in held)


def _note_use(key: ApiKey, now: datetime) -> None:
    """At most once a minute: a key that is used hard costs no write a request."""
    if key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY:
        return
    before = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    ApiKey.objects.filter(before, pk=key.pk).update(last_used_at=now)


def _digest(token: str) -> str:
    return salted_hmac("ratelimit.keys", token, algorithm="sha256").hexdigest()


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", fields=((field, message),))
