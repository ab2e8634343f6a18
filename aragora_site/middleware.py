"""What every request passes: an id, a policy for the browser, bounds on its size and its pace."""

import random
import re
import time
from collections.abc import Callable
from functools import cache
from http import HTTPStatus

import structlog
from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage import default_storage
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, reverse
from django.utils.functional import SimpleLazyObject, empty

from aragora_site.addresses import view_at
from aragora_site.error_views import bad_request, too_many_requests
from aragora_site.request_ids import request_id
from aragora_site.tenancy.scopes import Purpose, Scope, act_later_for
from monitoring import tracing
from ratelimit.callers import asks_of
from ratelimit.headers import rate_limit_headers, retry_after
from ratelimit.limiter import get_limiter
from ratelimit.policy import PROBES
from ratelimit.starts import Counted
from ratelimit.workspaces import scope_of

log = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,128}$")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class RequestIdMiddleware:
    """Gives the request an id, or keeps the well-formed one that a proxy gave it.

    It is `request.id`, the `X-Request-Id` of the answer, and on every log line in between."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        id = given if _REQUEST_ID.match(given) else _new_id()
        request.id = id  # type: ignore[attr-defined]
        entered = request_id.set(id)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(entered)
        response.headers["X-Request-Id"] = id
        return response


def _new_id() -> str:
    """That of the trace, where there is one: whoever has the one also has the other.

    It is no secret, and so not from the operating system: whoever asks that lets go of the
    interpreter, and gets it back when the other threads are done with their turns."""
    return tracing.trace_id() or f"{random.getrandbits(128):032x}"


class ProbeMiddleware:
    """Answers probes and Prometheus before anything else is asked: they come by an instance's
    address, which is no name of the site, and without TLS."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in PROBES:
            return self.get_response(request)
        try:
            found = request.resolver_match = view_at(request.path_info)
        except Resolver404:
            return self.get_response(request)
        response: HttpResponse = found.func(request, *found.args, **found.kwargs)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


class ContentSecurityPolicyMiddleware:
    """Lets the browser load this server's own files and nothing else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


class BodyLimitMiddleware:
    """Refuses a body over `ARAGORA_MAX_UPLOAD_BYTES` before anybody reads it.

    Django's own limit leaves files out; this one goes by the declared length. A chunked body
    without a length is bounded by the request handler as it arrives."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: object) -> HttpResponseBase | None:
        """The answer itself: an exception would be logged with its traceback as an attack."""
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > settings.ARAGORA.max_upload_bytes:
            log.warning("body_too_large", path=request.path, length=length)
            return bad_request(request, RequestDataTooBig("The request body is too large."))
        return None


class MessagesMiddleware(MessageMiddleware):
    """Makes the store of messages when somebody wants it: few requests do."""

    def process_request(self, request: HttpRequest) -> None:
        request._messages = SimpleLazyObject(lambda: default_storage(request))  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request._messages._wrapped is empty:  # type: ignore[attr-defined]
            return response
        return super().process_response(request, response)


class TenancyMiddleware:
    """Has the request act for the workspaces of whoever makes it; staff in the admin for all.

    Who that is may be found out later, by an API key: it is asked when the first row is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with act_later_for(lambda: _scope_of(request)):
            return self.get_response(request)


@cache
def _admin() -> str:
    return reverse("admin:index")


def _scope_of(request: HttpRequest) -> Scope:
    caller = getattr(request, "auth", None)
    user = request.user if caller is None else caller.user
    if request.path_info.startswith(_admin()) and getattr(user, "is_staff", False):
        return Scope(purpose=Purpose.STAFF)
    return scope_of(user)


class RateLimitMiddleware:
    """Counts requests, refuses those that are too many, and says how many are left.

    Stands behind whatever finds out who is asking. A call that was to start a debate and did not
    is not counted as one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asks = asks_of(request)
        if not asks:
            return self.get_response(request)
        limiter = get_limiter()
        taken = limiter.take(asks)
        if taken.allowed:
            counted = Counted(asks, taken)
            request.counted = counted  # type: ignore[attr-defined]
            response = self.get_response(request)
            taken = counted.taken
            started = not counted.starts_nothing and _started_a_debate(response)
            if (starts := counted.starts) and not started:
                limiter.give_back(starts)
        else:
            response = too_many_requests(request, retry_after(asks, taken))
            # Django writes a line for each; who sends too much is not to fill the log as well.
            response._has_been_logged = True  # type: ignore[attr-defined]
        for name, value in rate_limit_headers(asks, taken, unix_time=time.time()).items():
            response.headers[name] = value
        return response


def _started_a_debate(response: HttpResponseBase) -> bool:
    """The API says so with 2xx, a page by leading to the debate."""
    if response.status_code == HTTPStatus.FOUND:
        return response.headers["Location"].startswith("/debates/")
    return response.status_code in (HTTPStatus.OK, HTTPStatus.CREATED) and (
        response.headers.get("Content-Type", "").startswith("application/json")
    )
