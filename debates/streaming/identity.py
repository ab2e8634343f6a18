"""Who opened a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from debates.selectors import Viewer
from debates.streaming.queries import run_query
from ratelimit.keys import act_by, find_key

BEARER = "bearer "


class UnknownToken(Exception):
    """A token was given, and it is nobody's."""


async def viewer_of(scope: Mapping[str, Any], *, token: str) -> Viewer:
    """The person behind a socket: by their API key, else by the web session, else anonymous.

    A key that is not valid is an error, never an anonymous connection. Raises `UnknownToken`."""
    if token:
        key = await run_query(find_key, token, now=timezone.now())
        if key is None:
            raise UnknownToken
        return act_by(key)
    viewer: Viewer = scope.get("user") or AnonymousUser()
    return viewer


def token_of(authorization: str | None, query: Mapping[str, str]) -> str:
    """The API key in the `Authorization` header or the query string; empty when there is none."""
    if authorization and authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip()
    return query.get("token", "")
