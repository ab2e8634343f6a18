"""Who a request of the API comes from, before anybody limits or answers it."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from ratelimit.keys import act_by, find_key
from ratelimit.models import ApiKey

log = structlog.get_logger(__name__)

BEARER = "bearer "
API = "/api/"


def identify(request: HttpRequest) -> ApiKey | None:
    """The API key of a request, found once: `request.api_key`, and its user as `request.user`.

    None without a key that is good. Keys count only for the API: a page of the site is opened by a
    browser, which has a session."""
    if not hasattr(request, "api_key"):
        key = None
        authorization = request.META.get("HTTP_AUTHORIZATION", "")
        if request.path_info.startswith(API) and authorization.lower().startswith(BEARER):
            key = find_key(authorization[len(BEARER) :].strip(), now=timezone.now())
        if key is not None:
            request.user = act_by(key)
        request.api_key = key  # type: ignore[attr-defined]
    found: ApiKey | None = request.api_key  # type: ignore[attr-defined]
    return found


class ApiKeyMiddleware:
    """Finds the key first, so that what comes after it knows whom it deals with."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            identify(request)
        except Error as error:  # The API asks again, and answers in its own form.
            log.warning("api_key_unknown", error=type(error).__name__)
        return self.get_response(request)
