"""What every request of the API passes before its view, and every answer after it."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from debates.api.errors import (
    BodyTooLarge,
    MethodNotAllowed,
    WrongContentType,
    answer_exception,
)
from debates.exceptions import InvalidInput, NotFound

View = Callable[..., HttpResponseBase]

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def guarded(view: View) -> View:
    """`view`, with bounds on what comes in and one form of error for what goes out.

    Exempt from the CSRF middleware: `auth.Session` checks the token for callers with a session."""

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = request.method
        try:
            _check_address(request)
            _check_body(request)
            if asked == "HEAD":  # GET without the body, which the server leaves out
                request.method = "GET"
            response = view(request, *args, **kwargs)
        except Exception as error:
            response = answer_exception(request, error)
        finally:
            request.method = asked
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = response.headers.get("Allow", "").split(", ")
            if "GET" in allowed:
                allowed.append("HEAD")
            response = answer_exception(request, MethodNotAllowed(set(filter(None, allowed))))
        if asked == "HEAD" and isinstance(response, HttpResponse):
            length = str(len(response.content))
            response.content = b""
            response.headers["Content-Length"] = length
        # An answer depends on who asks, and on when.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return cast(View, csrf_exempt(gate))


def _check_address(request: HttpRequest) -> None:
    """No database takes a NUL, and no honest client sends one."""
    if "\0" in request.path_info:
        raise NotFound("There is nothing at this address.")
    for name in request.GET:
        if "\0" in name or any("\0" in value for value in request.GET.getlist(name)):
            raise InvalidInput("Remove the NUL characters from the query.")


def _check_body(request: HttpRequest) -> None:
    if request.method not in _WITH_BODY:
        return
    limit = settings.ARAGORA.max_upload_bytes
    declared = request.META.get("CONTENT_LENGTH") or "0"
    too_large = (declared.isdigit() and int(declared) > limit) or len(request.body) > limit
    if too_large:
        raise BodyTooLarge(f"The request body is larger than {limit:,} bytes.")
    if request.body and not _is_json(request.content_type):
        raise WrongContentType("Send the body as application/json.")


def _is_json(content_type: str | None) -> bool:
    kind = (content_type or "").lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
