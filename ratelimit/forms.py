"""Bounds how often a form may be tried, by django-ratelimit.

Its fixed windows are right for forms: a person tries a password a few times, a program often.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec, cast

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django_ratelimit import ALL
from django_ratelimit.core import get_usage

from ratelimit.identity import client_address

log = structlog.get_logger(__name__)
P = ParamSpec("P")
RATE = "10/m"
SIGN_IN, REGISTER, PASSWORD = "sign-in", "register", "password"
"""Groups of forms."""
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def request_address(_group: str, request: HttpRequest) -> str:
    """The key that django-ratelimit counts by."""
    return client_address(
        peer=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.headers.get("X-Forwarded-For", ""),
        trusted=settings.ARAGORA.trusted_proxies,
    )


def wait_for_form(request: HttpRequest, group: str, *, rate: str = RATE) -> int:
    """Count a try of the form `group`; nought when it is within `rate`, else the whole seconds to
    wait.

    The address is counted, not the account: counting an account would let anybody lock its owner
    out. All forms of a group, on the pages and in the API, count together."""
    usage = get_usage(
        request, group=group, key=request_address, rate=rate, method=ALL, increment=True
    )
    if usage is None or not usage["should_limit"]:
        return 0
    log.warning("form_limited", group=group)
    return max(1, cast(int, usage["time_left"]))


def limit_form(group: str, *, rate: str = RATE) -> Callable[[View[P]], View[P]]:
    """Let an address post the form `group` at `rate` ("10/m"); answer 429 beyond it."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def limited(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            seconds = wait_for_form(request, group, rate=rate) if request.method == "POST" else 0
            if not seconds:
                return view(request, *args, **kwargs)
            context = {"retry_after": seconds}
            status = HTTPStatus.TOO_MANY_REQUESTS
            response = render(request, "429.html", context, status=status)
            response["Retry-After"] = str(seconds)
            return response

        return cast(View[P], limited)

    return decorate
