"""What is made out of a debate that is there: a clone, a follow-up, a fork; and putting it away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from debates import selectors
from debates.exceptions import (
    InvalidInput,
    QueueFull,
    SignInRequired,
    StateForbids,
)
from debates.models import Debate
from debates.selectors.objects import verdict_of
from debates.services.branching import Changes, clone_debate, follow_up
from debates.services.editing import archive_debate, unarchive_debate
from debates.services.forking import fork_debate
from debates.services.panels import LEAST_PANEL_SIZE
from debates.web.account_forms import ServiceForm
from debates.web.branch_forms import FollowUpForm, ForkForm
from debates.web.once import create_once, new_key, owner_of
from debates.web.views.account import FORM_METHODS
from debates.web.views.debate import REFUSALS, debate_url, find_debate, refused
from debates.web.views.start import rank_of_choice
from ratelimit.starts import note_no_start

BRANCHES_PLACE = "branches"
"""Tags messages that are shown where the branches are."""


@require_POST
def clone(request: HttpRequest, slug: str) -> HttpResponse:
    """Hold the debate once more; then to the new one."""
    debate = find_debate(request, slug)
    made = _maker(request, clone_debate, debate=debate, changes=Changes())
    try:
        return HttpResponseRedirect(create_once(request, place="clone", wanted=slug, create=made))
    except SignInRequired:
        return redirect_to_login(debate_url(debate), login_url="web:sign_in")
    except (InvalidInput, QueueFull) as error:
        return _back(request, debate, _sentences(error))


@require_http_methods(FORM_METHODS)
def ask_further(request: HttpRequest, slug: str) -> HttpResponse:
    """The form for a further question; on POST, the debate that asks it."""
    debate = find_debate(request, slug)
    form = FollowUpForm(request.POST if request.method == "POST" else None)

    def asked() -> Callable[[], Debate]:
        return _maker(request, follow_up, debate=debate, changes=form.changes)

    context = {"verdict": verdict_of(debate)}
    return _branch(request, debate, form, page="follow_up", context=context, make=asked)


@require_http_methods(FORM_METHODS)
def fork(request: HttpRequest, slug: str) -> HttpResponse:
    """The form for a fork; on POST, the fork."""
    debate = find_debate(request, slug)
    form = ForkForm(request.POST if request.method == "POST" else None, debate=debate)

    def forked() -> Callable[[], Debate]:
        point = form.cleaned_data["branch_point"]
        make = _maker(request, fork_debate, debate=debate, branch_point=point, changes=form.changes)
        return lambda: make().debate

    cards = selectors.agent_cards() if debate.is_over else []
    context = {
        "agent_cards": sorted(cards, key=rank_of_choice),
        "least_agents": LEAST_PANEL_SIZE,
        "most_agents": settings.ARAGORA.max_agents_per_debate,
    }
    return _branch(request, debate, form, page="fork", context=context, make=forked)


def _branch(
    request: HttpRequest,
    debate: Debate,
    form: ServiceForm,
    *,
    page: str,
    context: dict[str, Any],
    make: Callable[[], Callable[[], Debate]],
) -> HttpResponse:
    """The form, or what became of it. `make` gives what makes the debate from a form that is
    right."""
    status = 200
    if form.is_bound and form.is_valid():
        try:
            wanted = (debate.pk, form.cleaned_data)
            return HttpResponseRedirect(
                create_once(request, place=page, wanted=wanted, create=make())
            )
        except SignInRequired:
            return redirect_to_login(debate_url(debate), login_url="web:sign_in")
        except StateForbids as error:
            return _back(request, debate, [str(error)])
        except InvalidInput as error:
            form.add_findings(error)
        except QueueFull as error:
            form.add_findings(error)
            status = error.status
    return render(
        request,
        f"web/{page}.html",
        {**context, "debate": debate, "form": form, "idempotency_key": new_key()},
        status=status,
    )


def _maker(request: HttpRequest, make: Callable[..., Any], **options: Any) -> Callable[[], Any]:
    return lambda: make(owner=owner_of(request), now=timezone.now(), **options)


def _sentences(error: InvalidInput | QueueFull) -> list[str]:
    return [message for _, message in error.fields] or [str(error)]


def _back(request: HttpRequest, debate: Debate, refusals: list[str]) -> HttpResponse:
    note_no_start(request)  # It leads to a debate, as an answer does that has started one.
    for sentence in refusals:
        messages.error(request, sentence, extra_tags=BRANCHES_PLACE)
    return redirect(f"{debate_url(debate)}#branches")


@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Put the debate away, or with `action=unarchive` take it back; then back to the page, where
    the one undoes the other."""
    debate = find_debate(request, slug)
    try:
        if request.POST.get("action") == "unarchive":
            unarchive_debate(debate_id=debate.pk, actor=request.user)
            said = "It is in the lists again."
        else:
            archive_debate(debate_id=debate.pk, actor=request.user, now=timezone.now())
            said = "It is archived: out of the lists, and still at this address."
    except StateForbids as error:
        return _back(request, debate, [str(error)])
    except REFUSALS as error:
        return refused(debate, error)
    messages.success(request, said, extra_tags=BRANCHES_PLACE)
    return redirect(f"{debate_url(debate)}#branches")
