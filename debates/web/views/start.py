"""The start page: the form, its estimate, and the examples that start with one click."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from debates import selectors
from debates.exceptions import InvalidInput, NotFound, QueueFull, SignInRequired
from debates.models import Debate
from debates.providers.extractive.corpus import EXAMPLE_QUESTIONS, corpus_documents
from debates.selectors.preferences import preferences_of
from debates.services.creation import NewDebate, NewDocument, create_debate
from debates.services.documents import CORPUS_SOURCE
from debates.services.estimates import estimate_debate
from debates.services.panels import DEFAULT_PANEL_SIZE, LEAST_PANEL_SIZE, Roster, first_choice
from debates.services.planning import plan_debate
from debates.web.estimates import present_estimate, prices_known
from debates.web.forms import (
    DebateForm,
    decision_options,
    protocol_options,
    visibility_options,
    workspace_options,
)
from debates.web.once import create_once, new_key, owner_of
from debates.web.settled import earlier_decision, present_settled
from debates.web.views.catalogue import has_language_model

EXAMPLES_SHOWN = 5
KEPT_QUESTION = "question"
"""In the session: what somebody asked who has to sign in first."""


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The form; on POST, the debate that it asks for."""
    if request.method != "POST":
        preferred = preferences_of(request.user)
        form = DebateForm(
            user=request.user,
            agents=first_choice(preferred.agents, Roster.load()),
            preferred=preferred,
        )
        _bring_back_question(request, form)
        _build_on_earlier(request, form)
        return _page(request, form)
    form = DebateForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        _find_the_rest(request, form)
        return _page(request, form)
    try:
        return HttpResponseRedirect(_create_once(request, form.request()))
    except SignInRequired:
        request.session[KEPT_QUESTION] = form.cleaned_data["question"]
        return redirect_to_login(reverse("web:home"), login_url="web:sign_in")
    except InvalidInput as error:
        form.add_findings(error)
        return _page(request, form)
    except QueueFull as error:
        form.add_findings(error)
        response = _page(request, form, queue_is_full=True)
        response.status_code = error.status
        response["Retry-After"] = str(error.retry_after)
        return response


def _bring_back_question(request: HttpRequest, form: DebateForm) -> None:
    """What was asked before signing in is there again after it, once."""
    if request.user.is_authenticated and KEPT_QUESTION in request.session:
        form.fields["question"].initial = request.session.pop(KEPT_QUESTION)


def _build_on_earlier(request: HttpRequest, form: DebateForm) -> None:
    """With `?build_on=`, begin with the question of that debate and what it decided."""
    reference = request.GET.get("build_on", "")
    if not reference:
        return
    try:
        debate = selectors.get_debate(user=request.user, id_or_slug=reference)
    except NotFound:
        return
    if (earlier := earlier_decision(debate)) is not None:
        form.build_on(question=debate.question, earlier=earlier)


def _find_the_rest(request: HttpRequest, form: DebateForm) -> None:
    """What the service would refuse besides, so that all of it is said in one pass."""
    try:
        plan_debate(request=form.request(), owner=owner_of(request))
    except InvalidInput as error:
        form.add_findings(error)


def _create_once(request: HttpRequest, wanted: NewDebate) -> str:
    return create_once(
        request, place="home", wanted=wanted, create=lambda: _create(request, wanted)
    )


def _create(request: HttpRequest, wanted: NewDebate) -> Debate:
    return create_debate(request=wanted, owner=owner_of(request), now=timezone.now())


@require_POST
def example(request: HttpRequest, number: int) -> HttpResponse:
    """Start an example question among the extractive agents: no key, no cost."""
    if number >= len(EXAMPLE_QUESTIONS):
        raise Http404
    chosen = EXAMPLE_QUESTIONS[number]
    extractive = [agent for agent in Roster.load().ready() if not agent.is_language_model]
    wanted = NewDebate(
        question=chosen.question,
        documents=tuple(
            NewDocument(document.title, document.text, CORPUS_SOURCE)
            for document in corpus_documents(chosen.documents)
        ),
        agents=tuple(agent.name for agent in extractive[:DEFAULT_PANEL_SIZE]),
    )
    try:
        return redirect("web:debate", slug=_create(request, wanted).slug)
    except SignInRequired:
        return redirect_to_login(reverse("web:home"), login_url="web:sign_in")
    except (InvalidInput, QueueFull) as error:
        messages.error(request, str(error))
        return redirect("web:home")


@require_POST
def estimate(request: HttpRequest) -> HttpResponse:
    """What the debate in the form may use. JSON for the script, the whole page for a browser."""
    form = DebateForm(request.POST, request.FILES, user=request.user)
    if request.accepts("text/html"):
        return _page(request, form)
    figures, note = _estimate(request, form)
    return JsonResponse({**figures, "note": note, "settled": _settled(request, form)})


def _estimate(request: HttpRequest, form: DebateForm) -> tuple[dict[str, str], str]:
    """Figures and a note; no figures, and in the note the reason, for a form that is wrong.

    Without a question yet, one of common length is taken in its place."""
    wanted = form.request_for_estimate()
    if wanted is None:
        # A question may still come; what else is wrong is worth saying now.
        faults = [message for field, message in form.summary if field != "question"]
        return {}, [*faults, form.summary[0][1]][0]
    try:
        found = estimate_debate(request=wanted, owner=owner_of(request))
    except InvalidInput as error:
        return {}, error.fields[0][1] if error.fields else str(error)
    words_per_second = settings.ARAGORA.extractive_words_per_second
    return present_estimate(
        found,
        request=wanted,
        words_per_second=words_per_second,
        price_known=prices_known(wanted),
    ), ""


def rank_of_choice(card: selectors.AgentCard) -> tuple[bool, bool]:
    """Who can be asked before who cannot, language models before the others."""
    return not card["available"], not card["is_language_model"]


def _settled(request: HttpRequest, form: DebateForm) -> list[dict[str, str]]:
    question = form["question"].value() or ""
    return present_settled(viewer=request.user, question=question)


def _page(request: HttpRequest, form: DebateForm, *, queue_is_full: bool = False) -> HttpResponse:
    cards = selectors.agent_cards()
    figures, note = _estimate(request, form)
    context: dict[str, Any] = {
        "form": form,
        "agent_cards": sorted(cards, key=rank_of_choice),
        "has_language_model": has_language_model(cards),
        "examples": EXAMPLE_QUESTIONS[:EXAMPLES_SHOWN],
        "protocols": protocol_options(form),
        "decisions": decision_options(form),
        "visibilities": visibility_options(form),
        "workspaces": workspace_options(form),
        "estimate": figures,
        "estimate_note": note,
        "settled": _settled(request, form),
        "max_bytes": settings.ARAGORA.max_upload_bytes,
        "least_agents": LEAST_PANEL_SIZE,
        "most_agents": settings.ARAGORA.max_agents_per_debate,
        "may_start": request.user.is_authenticated or settings.ARAGORA.allow_anonymous_debates,
        "idempotency_key": new_key(),
        "queue_is_full": queue_is_full,
    }
    return render(request, "web/home.html", context)
