"""The operator's view of where this process's memory went."""

from __future__ import annotations

from typing import Any

import structlog
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from monitoring.profiling import is_enabled, profile

log = structlog.get_logger(__name__)

SHOWN = 25


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def memory_profile(request: HttpRequest) -> HttpResponse:
    """The latest snapshot beside the one before; on POST, take another. 404 while nobody has
    turned profiling on."""
    if not is_enabled():
        raise Http404
    if request.method == "POST":
        if profile.take():
            log.warning("memory_snapshot_taken", operator_id=request.user.pk)
        else:
            messages.warning(request, "Another snapshot is being taken; look again in a moment.")
        return redirect("memory_profile")
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Where memory went",
        "latest": profile.latest,
        "before": profile.before,
        "largest": profile.largest(SHOWN),
        "grown": profile.grown(SHOWN),
    }
    return render(request, "admin/memory_profile.html", context)
