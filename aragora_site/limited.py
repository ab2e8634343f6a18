"""The operator's view of who is limited now, with a button that lets them go on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ratelimit.backends.base import Limited
from ratelimit.limiter import get_limiter

log = structlog.get_logger(__name__)

MAX_SHOWN = 200
PERMISSION = "ratelimit.change_workspace"
_USER = re.compile(r"user:(\d+)$")


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody who was refused in the last minute."""

    name: str
    """Of the bucket."""
    who: str
    refused_ago: int
    full_in: int


@require_http_methods(["GET", "HEAD", "POST"])
def limited(request: HttpRequest) -> HttpResponse:
    """The list; on POST, lift the limit named in the form."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    limiter = get_limiter()
    if request.method == "POST":
        name = request.POST.get("name", "")
        # Only what is in the list: a button is no way to write to Redis.
        if name in {one.name for one in limiter.limited()}:
            limiter.lift(name)
            log.warning("ratelimit_lifted", bucket=name, operator_id=request.user.pk)
            messages.success(request, f"The limit of {name} is lifted.")
        return redirect("limited")
    found = limiter.limited()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Limited now",
        "rows": _rows(found[:MAX_SHOWN]),
        "left_out": max(0, len(found) - MAX_SHOWN),
        "is_shared": limiter.is_shared,
    }
    return render(request, "admin/limited.html", context)


def _rows(found: list[Limited]) -> list[Row]:
    ids = {int(match[1]) for one in found if (match := _USER.search(one.name))}
    names = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
    return [
        Row(one.name, _who(one.name, names), int(one.refused_ago), int(one.full_in))
        for one in found
    ]


def _who(name: str, usernames: dict[int, str]) -> str:
    """`debates:user:7` → `alice, starting debates`."""
    subject = name.removeprefix("debates:")
    match = _USER.match(subject)
    who = usernames.get(int(match[1]), subject) if match else subject.replace(":", " ", 1)
    return f"{who}, starting debates" if subject != name else who
