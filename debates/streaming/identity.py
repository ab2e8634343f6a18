"""Who opened a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser

from debates.selectors import Viewer

BEARER = "bearer "


class UnknownToken(Exception):
    """A token was given, and it is nobody's."""


async def viewer_of(scope: Mapping[str, Any], *, token: str) -> Viewer:
    """The person behind a socket: by their token, else by the web session, else anonymous.

    A token that is not valid is an error, never an anonymous connection. Raises `UnknownToken`."""
    if token:
        raise UnknownToken
    viewer: Viewer = scope.get("user") or AnonymousUser()
    return viewer


def token_of(authorization: str | None, query: Mapping[str, str]) -> str:
    """The token in the `Authorization` header or the query string; empty when there is none."""
    if authorization and authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip()
    return query.get("token", "")
