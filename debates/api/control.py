"""What people do to a debate while it runs."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ninja import Router

from debates.api.auth import ApiRequest
from debates.api.endpoints import WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.idempotent import WITH_KEY, idempotent
from debates.api.requests import ReasonIn
from debates.api.responses import ChangedOut
from debates.models import Debate
from debates.services import control

router = Router(tags=["control of a debate"])


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/start",
    answer=ChangedOut,
    errors=(*WRITE_ONE_ERRORS, HTTPStatus.TOO_MANY_REQUESTS),
    extra=WITH_KEY,
)
@idempotent
def start_debate(request: ApiRequest, ref: str) -> ChangedOut:
    """Queue a debate that was only stored."""
    return _changed(request, ref, control.start_debate, "The debate is queued.")


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/pause",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def pause_debate(request: ApiRequest, ref: str, body: ReasonIn | None = None) -> ChangedOut:
    """Begin no further model calls; those under way may finish."""
    return _changed(request, ref, control.pause_debate, "The debate is paused.", **_reason(body))


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/resume",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def resume_debate(request: ApiRequest, ref: str) -> ChangedOut:
    """Let a paused debate go on."""
    return _changed(request, ref, control.resume_debate, "The debate is queued to go on.")


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/stop",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def stop_debate(request: ApiRequest, ref: str) -> ChangedOut:
    """Ask for the verdict now, with what has been said."""
    return _changed(request, ref, control.stop_debate, "The panel was asked for its verdict.")


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/cancel",
    answer=ChangedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def cancel_debate(request: ApiRequest, ref: str, body: ReasonIn | None = None) -> ChangedOut:
    """End the debate without a verdict.

    Model calls under way are cut off within a second."""
    return _changed(
        request, ref, control.cancel_debate, "The debate is cancelled.", **_reason(body)
    )


def _reason(body: ReasonIn | None) -> dict[str, str]:
    return {"reason": body.reason} if body and body.reason else {}


def _changed(
    request: ApiRequest,
    ref: str,
    change: Callable[..., Debate],
    message: str,
    **options: Any,
) -> ChangedOut:
    found = debate_of(request, ref)
    debate = change(debate_id=found.pk, actor=request.auth.user, **options)
    return ChangedOut(debate_id=str(debate.pk), status=debate.status, message=message)
