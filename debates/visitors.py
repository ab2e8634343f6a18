"""Who a member of the audience is.

- Somebody who is signed in is their account, from wherever they connect.
- A browser that is not is the visitor whom its signed cookie names; the page of a debate under way
  gives one to whoever has none.
- Whatever else does not say who it is, a program above all, is the address that it comes from:
  another connection does not make another person.

Cookies cost nothing, so people who are not signed in are also counted by their address, which is
kept as a keyed hash (`Person.source`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from debates.selectors.finding import Viewer
from ratelimit.identity import counted_address

COOKIE = "aragora_visitor"
COOKIE_SECONDS = 365 * 24 * 3600

_signer = signing.Signer(salt="debates.visitors")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who watches, and may speak once for each debate."""

    key: str
    """Stable, and nobody else's."""
    viewer: Viewer = None
    """Whose permissions they have."""
    source: str = ""
    """Stands for the address of somebody who is not signed in; empty for accounts and for this
    machine itself, which are not counted by it."""

    def alias(self, debate_id: UUID) -> str:
        """What others in a debate may know them by; another one in every debate."""
        return salted_hmac("debates.visitors.alias", f"{debate_id}:{self.key}").hexdigest()[:16]


def person_of(*, viewer: Viewer, cookies: Mapping[str, str], address: str) -> Person:
    """Who speaks. `address` is the client's, as far as it can be believed; empty for this machine
    itself."""
    if viewer is not None and viewer.is_authenticated:
        return Person(f"user:{viewer.pk}", viewer)
    hashed = salted_hmac("debates.visitors.address", address).hexdigest()[:32]
    source = hashed if address else ""
    visitor = _visitor_in(cookies)
    return Person(f"visitor:{visitor}" if visitor else f"address:{hashed}", viewer, source)


def person_asking(request: HttpRequest, viewer: Viewer) -> Person:
    """Who speaks in a request; `viewer` is who they proved to be."""
    address = counted_address(
        peer=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.headers.get("X-Forwarded-For", ""),
        trusted=settings.ARAGORA.trusted_proxies,
    )
    return person_of(viewer=viewer, cookies=request.COOKIES, address=address)


def give_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Have the browser of somebody who is not signed in tell next time that it is the same."""
    if request.user.is_authenticated or _visitor_in(request.COOKIES):
        return
    response.set_cookie(
        COOKIE,
        _signer.sign(uuid.uuid4().hex),
        max_age=COOKIE_SECONDS,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _visitor_in(cookies: Mapping[str, str]) -> str:
    try:
        return _signer.unsign(cookies.get(COOKIE, ""))
    except signing.BadSignature:
        return ""
