"""What is answered when no view could: the API's error form under /api, a page elsewhere."""

import sys
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from aragora_site.outages import may_succeed_later
from debates.api.errors import RETRY_SECONDS, answer_exception
from debates.exceptions import TooFast


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _answer(request, exception, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return _answer(request, exception, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, exception, HTTPStatus.FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`reason` is Django's; it would help an attacker more than a person."""
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, Http404(), HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles the exception. A database that was busy or away is not an
    error of this server's: it says when to come back."""
    error = sys.exc_info()[1]
    if isinstance(error, Exception) and may_succeed_later(error):
        response = _answer(request, error, HTTPStatus.SERVICE_UNAVAILABLE)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return _answer(request, RuntimeError(), HTTPStatus.INTERNAL_SERVER_ERROR)


def too_many_requests(request: HttpRequest, seconds: int) -> HttpResponse:
    """The caller has to wait so many seconds."""
    if request.path.startswith("/api/"):
        wait = f"wait {seconds} second{'s' if seconds > 1 else ''} and try again"
        return answer_exception(request, TooFast(f"Too many calls: {wait}.", retry_after=seconds))
    context = {"retry_after": seconds, "trace_id": getattr(request, "id", "")}
    response = render(request, "429.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


def _answer(request: HttpRequest, exception: Exception, status: HTTPStatus) -> HttpResponse:
    if request.path.startswith("/api/"):
        return answer_exception(request, exception)
    context: dict[str, Any] = {
        "trace_id": getattr(request, "id", ""),
        "max_bytes": settings.ARAGORA.max_upload_bytes,
    }
    return render(request, f"{status.value}.html", context, status=status)
