"""A form that is sent twice makes one debate."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from uuid import uuid4

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from debates.exceptions import KeyReused
from debates.models import Debate
from debates.services.idempotency import Answer, carry_out_once
from ratelimit.starts import note_no_start

FIELD = "idempotency_key"
LONGEST_KEY = 64


def new_key() -> str:
    """What a form holds that makes a debate."""
    return uuid4().hex


def owner_of(request: HttpRequest) -> User | None:
    """Whose the debate will be."""
    return request.user if request.user.is_authenticated else None


def create_once(
    request: HttpRequest, *, place: str, wanted: object, create: Callable[[], Debate]
) -> str:
    """Create the debate and return its address. `place` names the form, `wanted` is all that
    stands in it."""

    def made() -> str:
        return reverse("web:debate", kwargs={"slug": create().slug})

    key = request.POST.get(FIELD, "")
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        return made()
    try:
        answer = carry_out_once(
            key=key,
            principal=f"web:{request.user.pk or ''}",
            caller=owner_of(request),
            operation=f"POST web:{place}",
            payload=repr(wanted).encode(errors="replace"),
            now=timezone.now(),
            carry_out=lambda: Answer(HTTPStatus.FOUND, made()),
        )
    except KeyReused:
        # Back in the browser, and sent again with other contents: that is another debate.
        return made()
    if answer.replayed:
        note_no_start(request)
    return answer.body
