"""Shared links: making and revoking one, and the page behind it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from debates import selectors
from debates.exceptions import NotFound
from debates.services import sharing
from debates.web.views.debate import REFUSALS, debate_url, find_debate, refused, shared_page

SHARING_PLACE = "sharing"
"""Tags messages that are shown where the link is."""


@require_POST
def share(request: HttpRequest, slug: str) -> HttpResponse:
    """Make the debate's link, or with `action=revoke` end it; then back to the page."""
    debate = find_debate(request, slug)
    try:
        if request.POST.get("action") == "revoke":
            sharing.revoke_share(debate_id=debate.pk, actor=request.user)
            said = "The link opens nothing any more."
        else:
            sharing.share_debate(debate_id=debate.pk, actor=request.user, now=timezone.now())
            said = "The link is made."
    except REFUSALS as error:
        return refused(debate, error)
    messages.success(request, said, extra_tags=SHARING_PLACE)
    return redirect(f"{debate_url(debate)}#sharing")


@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """A debate for whoever has its link: to read, and nothing else."""
    try:
        debate = selectors.get_shared_debate(token)
    except NotFound as error:
        raise Http404(str(error)) from error
    response = shared_page(request, debate, token=token)
    response["X-Robots-Tag"] = "noindex, nofollow"
    # The address is the key: it is not to be handed on to where links lead.
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    return response
