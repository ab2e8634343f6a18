"""The `Idempotency-Key` header, for the operations that create or spend."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

from django.http import HttpResponse
from django.utils import timezone
from ninja import Status
from pydantic import BaseModel

from debates.api.auth import ApiRequest
from debates.api.errors import JSON
from debates.exceptions import InvalidInput
from debates.services.idempotency import Answer, carry_out_once
from ratelimit.starts import note_no_start

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
LONGEST_KEY = 255

WITH_KEY = {
    "parameters": [
        {
            "in": "header",
            "name": HEADER,
            "required": False,
            "schema": {"type": "string", "maxLength": LONGEST_KEY},
            "description": "A text of the client's own choice. A request that is sent again under "
            "it within 24 hours gets the first answer; under another body it is a 409.",
        }
    ]
}
"""What the schema says of an operation that is `idempotent`."""

Operation = TypeVar("Operation", bound=Callable[..., Any])


def idempotent(view: Operation) -> Operation:
    """Carry the view out once for each Idempotency-Key; later calls get the first answer.

    An error leaves no trace, so that the request can be corrected and sent again with its key."""

    @wraps(view)
    def once(request: ApiRequest, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(request, *args, **kwargs)
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
            raise InvalidInput(
                f"Use 1 to {LONGEST_KEY} printable characters as {HEADER}.",
                fields=((HEADER, f"Use 1 to {LONGEST_KEY} printable characters."),),
            )
        answer = carry_out_once(
            key=key,
            principal=request.auth.principal,
            caller=request.auth.user,
            operation=f"{request.method} {request.path_info}"[:255],
            payload=request.body,
            now=timezone.now(),
            carry_out=lambda: _answer(view(request, *args, **kwargs)),
        )
        response = HttpResponse(answer.body, status=answer.status, content_type=JSON)
        if answer.replayed:
            response.headers[REPLAYED] = "true"
            note_no_start(request)
        return response

    return cast(Operation, once)


def _answer(result: BaseModel | Status[BaseModel]) -> Answer:
    if isinstance(result, Status):
        return Answer(result.status_code, result.value.model_dump_json())
    return Answer(HTTPStatus.OK, result.model_dump_json())
