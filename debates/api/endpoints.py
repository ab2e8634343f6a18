"""How an operation is declared: one view, its canonical path, its aliases and its errors."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial, wraps
from http import HTTPStatus
from typing import Any, TypeVar

from django.http import HttpResponse
from ninja import Router, Schema, Status
from ninja.operation import Operation
from ninja.utils import contribute_operation_callback
from pydantic import BaseModel, Field, create_model

from debates.api.errors import JSON

View = TypeVar("View", bound=Callable[..., Any])


class FieldErrorOut(BaseModel):
    field: str
    message: str


class ErrorOut(BaseModel):
    """Every error has this form. `application/problem+json` in `Accept` gets RFC 9457 instead."""

    error: str = Field(description="One sentence that says what to do.")
    code: str = Field(description="A stable word for programs.", examples=["invalid_input"])
    trace_id: str = Field(description="The X-Request-Id, by which the operator finds the log.")
    errors: list[FieldErrorOut] = Field(description="The inputs that are wrong, if it was those.")


READ_ERRORS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
READ_ONE_ERRORS = (*READ_ERRORS, HTTPStatus.NOT_FOUND)
WRITE_ERRORS = (
    *READ_ERRORS,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
WRITE_ONE_ERRORS = (*WRITE_ERRORS, HTTPStatus.NOT_FOUND)


def endpoint(
    router: Router,
    method: str,
    path: str,
    *,
    answer: Any,
    status: int = HTTPStatus.OK,
    errors: Sequence[int] = READ_ERRORS,
    also: Sequence[int] = (),
    aliases: Sequence[str] = (),
    extra: dict[str, Any] | None = None,
) -> Callable[[View], View]:
    """Declare a view as the operation `method path` of the API.

    The first line of its docstring is the summary. Aliases answer alike and are named in the
    description, but are no operations of the schema. `also` are further statuses of `answer`."""

    def declare(view: View) -> View:
        summary, _, details = inspect.cleandoc(view.__doc__ or "").partition("\n")
        if aliases:
            named = ", ".join(f"`/api{alias}`" for alias in aliases)
            details = f"{details.strip()}\n\nAlso at {named}."
        responses = dict.fromkeys((status, *also), answer)
        responses |= dict.fromkeys(sorted(errors), ErrorOut)
        answering = _answering(view, status)
        contribute_operation_callback(answering, partial(_describe, responses))
        for number, address in enumerate((path, *aliases)):
            router.api_operation(
                [method],
                address,
                operation_id=view.__name__,
                summary=summary.rstrip("."),
                description=details.strip(),
                include_in_schema=number == 0,
                openapi_extra=extra,
            )(answering)
        return view

    return declare


def _describe(responses: Mapping[int, Any], operation: Operation) -> None:
    """Say in the schema what the operation answers. Left to itself, django-ninja makes a model for
    each status of each operation: six hundred, a fifth of the time that a server takes to start."""
    operation.response_models = {status: _described(answer) for status, answer in responses.items()}


@cache
def _described(answer: Any) -> type[Schema]:
    """The model that django-ninja reads an answer's schema from."""
    return create_model("NinjaResponseSchema", __base__=Schema, response=(answer, ...))


def _answering(view: Callable[..., Any], status: int) -> Callable[..., HttpResponse]:
    """The view, with what it returns written by Pydantic, which is faster than going through
    Python's objects once more."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponse:
        result = view(*args, **kwargs)
        if isinstance(result, HttpResponse):
            return result
        code, body = status, result
        if isinstance(result, Status):
            code, body = result.status_code, result.value
        return HttpResponse(body.model_dump_json(), status=code, content_type=JSON)

    return answer
