"""Who holds connections open, and whether they may still: accounts and sessions can end meanwhile.

A stream is opened with a credential and then lives for hours. Once every few seconds all of this
process's are looked at in three queries, however many there are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from debates.streaming.queries import run_query
from ratelimit.keys import good_keys, key_behind

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0
SIGNED_OUT = 4401
SIGNED_OUT_REASON = "You are no longer signed in."
_SESSIONS_IN_DATABASE = frozenset(
    {"django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db"}
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody proved to be when they connected."""

    user_id: int
    password: str = ""
    """As it is stored. A new one ends the sessions of the old one. Empty with an API key."""
    session_key: str = ""
    """Empty when they did not come by a session."""
    api_key: UUID | None = None
    """None when they did not come by an API key."""


def credential_of(viewer: object, *, session_key: str | None) -> Credential | None:
    """The credential of somebody who connects; None when they are not signed in."""
    if not isinstance(viewer, User):
        return None
    if (key := key_behind(viewer)) is not None:
        return Credential(viewer.pk, api_key=key.pk)
    return Credential(viewer.pk, viewer.password, session_key or "")


class Credentials:
    """The open connections by their credentials. Belongs to one event loop."""

    def __init__(self) -> None:
        self._held: defaultdict[Credential, set[Callable[[], None]]] = defaultdict(set)

    @contextlib.contextmanager
    def hold(self, credential: Credential | None, end: Callable[[], None]) -> Iterator[None]:
        """While the context lasts, call `end` once the credential is not good any more."""
        if credential is None:
            yield
            return
        self._held[credential].add(end)
        try:
            yield
        finally:
            self._held[credential].discard(end)
            if not self._held[credential]:
                del self._held[credential]

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check()
            except Exception as error:  # Without the database nobody is sent away.
                log.warning("stream_credentials_unknown", error=type(error).__name__)

    async def _check(self) -> None:
        held = list(self._held)
        if not held:
            return
        good = await run_query(still_good, held)
        for credential in held:
            if credential not in good:
                for end in list(self._held.get(credential, ())):
                    end()


def still_good(credentials: list[Credential]) -> set[Credential]:
    """Those whose API key would be let in now; of the others, those whose account is active and has
    the same password, and whose session is there."""
    by_key = {one for one in credentials if one.api_key is not None}
    good = good_keys({one.api_key for one in by_key if one.api_key}, now=timezone.now())
    kept = {one for one in by_key if one.api_key in good}
    return kept | _good_sessions([one for one in credentials if one not in by_key])


def _good_sessions(credentials: list[Credential]) -> set[Credential]:
    if not credentials:
        return set()
    users = dict(
        User.objects.filter(
            pk__in={one.user_id for one in credentials}, is_active=True
        ).values_list("pk", "password")
    )
    sessions = {one.session_key for one in credentials if one.session_key}
    if settings.SESSION_ENGINE in _SESSIONS_IN_DATABASE:
        known = Session.objects.filter(session_key__in=sessions)
        sessions = set(known.values_list("session_key", flat=True))
    return {
        one
        for one in credentials
        if users.get(one.user_id) == one.password
        and (not one.session_key or one.session_key in sessions)
    }


credentials = Credentials()
