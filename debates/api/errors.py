"""Every error of the API in one form, whatever raised it.

`{"error", "code", "trace_id", "errors": [{"field", "message"}]}`; the same as RFC 9457
`application/problem+json` for a client that asks for that.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from aragora_site.errors import AragoraError
from aragora_site.outages import may_succeed_later
from debates.exceptions import InvalidInput, NotAllowed, NotFound

log = structlog.get_logger(__name__)

JSON, PROBLEM = "application/json", "application/problem+json"
RETRY_SECONDS = 1
"""After how long a database that was busy or away may be asked again."""


class InvalidJson(InvalidInput):
    """The body is not JSON that can be stored."""

    code = "invalid_json"


class BodyTooLarge(AragoraError):
    code = "body_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class WrongContentType(AragoraError):
    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class MethodNotAllowed(AragoraError):
    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"Use one of these methods here: {self.allowed}.")


class InvalidKey(AragoraError):
    code = "invalid_api_key"
    status = HTTPStatus.UNAUTHORIZED


class CsrfFailed(AragoraError):
    code = "csrf_failed"
    status = HTTPStatus.FORBIDDEN


def error_response(
    request: HttpRequest,
    *,
    status: int,
    code: str,
    message: str,
    fields: Iterable[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The one place that an error leaves the API from."""
    body: dict[str, Any] = {
        "error": message,
        "code": code,
        "trace_id": getattr(request, "id", ""),
        "errors": [{"field": field, "message": text} for field, text in fields],
    }
    content_type = JSON
    if request.get_preferred_type([JSON, PROBLEM]) == PROBLEM:
        content_type = PROBLEM
        body = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": message,
        } | body
    return JsonResponse(body, status=status, content_type=content_type, headers=dict(headers or {}))


def answer_exception(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to an exception, also to one that nobody expected (500, without its text)."""
    # The framework hides why a body could not be parsed behind its own exception.
    if isinstance(error, HttpError) and isinstance(error.__cause__, AragoraError):
        error = error.__cause__
    match error:
        case AragoraError():
            return _known(request, error)
        case ValidationError():
            return _known(request, invalid_input(error.errors))
        case Http404():
            return _known(request, NotFound("There is nothing at this address."))
        case RequestDataTooBig():
            limit = settings.ARAGORA.max_upload_bytes
            return _known(
                request, BodyTooLarge(f"The request body is larger than {limit:,} bytes.")
            )
        case HttpError():
            return error_response(
                request,
                status=error.status_code,
                code=_code(error.status_code),
                message=str(error),
            )
        case PermissionDenied():
            return _known(request, NotAllowed("You may not do this."))
        case SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return _known(request, InvalidInput("The request cannot be read."))
        case _ if may_succeed_later(error):
            log.error("api_database_unavailable", error=type(error).__name__, path=request.path)
            return error_response(
                request,
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                code="database_unavailable",
                message="The database does not answer. Try again in a moment.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        case _:
            log.error(
                "api_request_failed", error=type(error).__name__, path=request.path, exc_info=error
            )
            return error_response(
                request,
                status=HTTPStatus.INTERNAL_SERVER_ERROR,
                code="internal_error",
                message="Something went wrong here. Report it with the trace_id of this answer.",
            )


def install_handlers(api: NinjaAPI) -> None:
    """Have the API answer every exception by `answer_exception`."""

    def handle(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        return answer_exception(request, error if isinstance(error, Exception) else error())

    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, handle)


def invalid_input(found: Iterable[Mapping[str, Any]]) -> InvalidInput:
    """Pydantic's findings as the project's own error."""
    fields = tuple((_field(item["loc"]), _sentence(item)) for item in found)
    if len(fields) == 1 and fields[0][0]:
        message = f"{fields[0][0]}: {fields[0][1]}"
    elif len(fields) == 1:
        message = fields[0][1]
    else:
        names = dict.fromkeys(name for name, _ in fields if name)
        message = f"Correct these fields and try again: {', '.join(names)}."
    return InvalidInput(message, fields=fields)


def _field(location: Iterable[object]) -> str:
    """`("body", "payload", "protocol", "rounds")` → `protocol.rounds`: as the client wrote it."""
    parts = [str(part) for part in location]
    if parts and parts[0] == "body":
        parts = parts[2:]
    elif parts and parts[0] in {"query", "path", "header"}:
        parts = parts[-1:]
    return ".".join(part for part in parts if not part.startswith("function-"))


def _sentence(item: Mapping[str, Any]) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    return message if message.endswith(".") else f"{message}."


def _known(request: HttpRequest, error: AragoraError) -> HttpResponse:
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allowed
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="aragora"'
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return error_response(
        request,
        status=error.status,
        code=error.code,
        message=str(error),
        fields=error.fields,
        headers=headers,
    )


def _code(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_")
