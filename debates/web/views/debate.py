"""One debate: its page, and what people do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from debates import selectors
from debates.caching import ROUNDS
from debates.choices import TERMINAL_STATUSES, DebateStatus, Visibility
from debates.engine.types import HeardAs
from debates.exceptions import (
    InvalidInput,
    NotAllowed,
    NotFound,
    QueueFull,
    SignInRequired,
    StateForbids,
    TooFast,
)
from debates.models import Debate, ShareLink
from debates.models.audience import MAX_INTERVENTION_LENGTH, MAX_SUGGESTION_LENGTH
from debates.selectors.audience import vote_of
from debates.selectors.sharing import token_of
from debates.services import audience, interventions
from debates.services import control as controls
from debates.services.interventions import KINDS
from debates.services.panels import prices_known
from debates.visitors import give_cookie, person_asking
from debates.web.downloads import downloads_of
from debates.web.once import new_key
from debates.web.presenters import INTERVENTION_TEXTS, NOTE_TEXTS, DebatePage, present_debate
from debates.web.relatives import present_relatives
from debates.web.sources import Sources, sources_of
from debates.web.words import (
    DECISIONS,
    INTERVENTIONS,
    PHASES,
    STATUSES,
    STOP_REASONS,
    VISIBILITIES,
    words_to_json,
)

SOCKET_URL = "/ws"
MODULES = ("audience", "connection", "dom", "render", "figures", "markdown", "sending", "stream")
"""What static/js/debate.js imports, so that a browser fetches all of it at once."""
AUDIENCE_PLACE, INTERVENING_PLACE = "audience", "intervening"
"""Tag messages that are shown in a part of the page: of the audience, and of those who steer."""
DEBATE_URL = "/api/v1/debates/{}"


@dataclass(frozen=True, slots=True)
class Control:
    """A button, and the states in which it does something."""

    action: str
    label: str
    statuses: frozenset[DebateStatus]
    carry_out: Callable[..., Debate]
    needs_start: bool = False
    """Only once the debate has begun."""

    def allowed(self, debate: Debate) -> bool:
        begun = debate.started_at is not None or not self.needs_start
        return begun and debate.status in self.statuses


_WAITING = frozenset({DebateStatus.PENDING, DebateStatus.RUNNING})
CONTROLS = (
    Control("start", "Start", frozenset({DebateStatus.CREATED}), controls.start_debate),
    Control("pause", "Pause", _WAITING, controls.pause_debate),
    Control("resume", "Resume", frozenset({DebateStatus.PAUSED}), controls.resume_debate),
    Control(
        "stop",
        "Stop and decide now",
        _WAITING | {DebateStatus.PAUSED},
        controls.stop_debate,
        needs_start=True,
    ),
    Control(
        "cancel",
        "Cancel",
        frozenset(DebateStatus) - TERMINAL_STATUSES,
        controls.cancel_debate,
    ),
)


def find_debate(request: HttpRequest, slug: str) -> Debate:
    """The debate, if the viewer may see it; otherwise 404."""
    try:
        return selectors.get_debate(user=request.user, id_or_slug=slug)
    except NotFound as error:
        raise Http404(str(error)) from error


@require_safe
def debate_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about a debate, readable without scripts; live while it is not over."""
    return _page(request, find_debate(request, slug))


def shared_page(request: HttpRequest, debate: Debate, *, token: str) -> HttpResponse:
    """The page as it is read by a shared link: nothing can be done on it."""
    return _page(request, debate, share=token)


def _page(
    request: HttpRequest,
    debate: Debate,
    *,
    suggestion: str = "",
    intervention: Mapping[str, str] = MappingProxyType({}),
    share: str = "",
) -> HttpResponse:
    """The page; `suggestion` is what stands in the audience's form, `intervention` in that of those
    who steer, `share` the token of the shared link by which it is read."""
    snapshot = selectors.debate_snapshot(debate=debate)
    page = present_debate(snapshot)
    sources = sources_of(debate, snapshot["transcript"])
    verdict = getattr(debate, "verdict", None)
    allowed = {control.action for control in CONTROLS if control.allowed(debate)}
    context = {
        "debate": debate,
        "snapshot": snapshot,
        "page": page,
        "rounds": _rounds(debate, page, sources),
        # Nothing happens to one that nobody has started.
        "reloads": not page.is_over and page.status != DebateStatus.CREATED,
        "sources": sources,
        "price_known": prices_known(debate),
        "live": None if page.is_over else _live(page, sources, prices_known(debate), share),
        "is_shared": bool(share),
        "share_token": share,
        "may_control": not share and controls.may_control(debate=debate, actor=request.user),
        "controls": [
            {"action": c.action, "label": c.label, "allowed": c.action in allowed}
            for c in CONTROLS
            if c.action != "cancel"
        ],
        "has_decision": page.is_over and bool(verdict and verdict.reached),
        "outcome": getattr(debate, "outcome", None),
        "may_cancel": "cancel" in allowed,
        "visibility": VISIBILITIES[Visibility(debate.visibility)],
        "downloads": downloads_of(debate, share=share),
        "relatives": present_relatives(debate, viewer=request.user),
        **({} if share else _sharing(request, debate) | _branching(request, debate)),
        "modules": [static(f"js/{name}.js") for name in MODULES],
    }
    if not page.is_over and not share:
        person = person_asking(request, request.user)
        context |= {
            "own_vote": vote_of(debate=debate, person=person),
            "suggestion": suggestion,
            "max_suggestion": MAX_SUGGESTION_LENGTH,
            "intervention": intervention,
            "intervention_kinds": [(kind.value, INTERVENTIONS[kind]) for kind in KINDS],
            "max_intervention": MAX_INTERVENTION_LENGTH,
        }
    response = render(request, "web/debate.html", context)
    if not page.is_over and not share:
        give_cookie(request, response)
    return response


def _rounds(debate: Debate, page: DebatePage, sources: Sources) -> SafeString:
    """What was said, round by round: most of the page, and most of the work for it."""

    def render_rounds() -> SafeString:
        return mark_safe(  # noqa: S308 (made by templates)
            "".join(
                render_to_string("web/parts/round.html", {"round": round_, "sources": sources})
                for round_ in page.rounds
            )
        )

    if not page.is_over:
        return render_rounds()
    citable = ",".join(map(str, sorted(sources.numbers)))
    return ROUNDS.get(f"{debate.pk}:{debate.epoch}:{debate.last_seq}:{citable}", render_rounds)


def _sharing(request: HttpRequest, debate: Debate) -> dict[str, Any]:
    """The shared link, for those who may make one."""
    may_share = debate.owner_id is not None and controls.may_manage(
        debate=debate, actor=request.user
    )
    link = ShareLink.objects.filter(debate=debate).first() if may_share else None
    address = reverse("web:shared", kwargs={"token": token_of(link)}) if link else ""
    return {
        "may_share": may_share,
        "share_url": request.build_absolute_uri(address) if address else "",
    }


def _branching(request: HttpRequest, debate: Debate) -> dict[str, Any]:
    """What the viewer may make of the debate, and whether they may put it away."""
    may_start = request.user.is_authenticated or settings.ARAGORA.allow_anonymous_debates
    return {
        "may_branch": may_start,
        "may_manage": controls.may_manage(debate=debate, actor=request.user),
        "idempotency_key": new_key(),
    }


@require_POST
def hear_audience(request: HttpRequest, slug: str) -> HttpResponse:
    """A vote or a suggestion of somebody who watches; then back to the page."""
    debate = find_debate(request, slug)
    person = person_asking(request, request.user)
    suggestion = request.POST.get("suggestion", "")
    # What is said stands where the forms are; once the debate is over there are none.
    place = "" if debate.is_over else AUDIENCE_PLACE
    try:
        if request.POST.get("action") == "suggest":
            audience.suggest(
                debate_id=debate.pk, person=person, text=suggestion, now=timezone.now()
            )
            said = "The panel hears it in its next exchange."
        else:
            cast = audience.cast_vote(
                debate_id=debate.pk,
                person=person,
                choice=request.POST.get("choice", ""),
                intensity=_intensity(request.POST.get("intensity", "")),
                now=timezone.now(),
            )
            said = f"Your vote counts for “{cast.answer[:100]}”."
    except NotFound as error:
        raise Http404(str(error)) from error
    except (InvalidInput, StateForbids, NotAllowed, TooFast) as error:
        messages.error(request, str(error), extra_tags=place)
        response = _page(request, find_debate(request, slug), suggestion=suggestion)
        response.status_code = error.status
        if isinstance(error, TooFast):
            response["Retry-After"] = str(error.retry_after)
        return response
    messages.success(request, said, extra_tags=place)
    return redirect("web:debate", slug=debate.slug)


def _intensity(value: str) -> int:
    """Nought, which no vote may have, for what is no small number."""
    return int(value) if _is_small(value) else 0


@require_POST
def speak_to_panel(request: HttpRequest, slug: str) -> HttpResponse:
    """An intervention, or a turn of somebody who steers the debate; then back to the page."""
    debate = find_debate(request, slug)
    place = "" if debate.is_over else INTERVENING_PLACE
    try:
        kind, round_number = _intervention(request)
        queued = interventions.intervene(
            debate_id=debate.pk,
            person=person_asking(request, request.user),
            kind=kind,
            text=request.POST.get("content", ""),
            apply_at_round=round_number,
            now=timezone.now(),
        )
    except REFUSALS as error:
        return refused(debate, error)
    except (InvalidInput, StateForbids) as error:
        messages.error(request, str(error), extra_tags=place)
        response = _page(request, find_debate(request, slug), intervention=request.POST.dict())
        response.status_code = error.status
        return response
    said = f"It waits for the exchange of round {queued.apply_at_round}."
    messages.success(request, said, extra_tags=place)
    return redirect(f"{debate_url(debate)}#intervening")


def _intervention(request: HttpRequest) -> tuple[HeardAs, int]:
    """Of which kind, and for which round. Raises `InvalidInput`."""
    kind = request.POST.get("type", "")
    round_number = request.POST.get("apply_at_round", "").strip()
    if kind not in KINDS:
        raise InvalidInput("Choose what it is.")
    if round_number and not _is_small(round_number):
        raise InvalidInput("Give the round as a number, or leave it out for the next one.")
    return HeardAs(kind), int(round_number or interventions.NEXT_ROUND)


def _is_small(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 2


def _live(page: DebatePage, sources: Sources, is_price_known: bool, share: str) -> dict[str, Any]:
    """What static/js/debate.js starts from."""
    address = DEBATE_URL.format(page.snapshot["debate"]["id"])
    by_link = f"?{urlencode({'share': share})}" if share else ""
    return {
        "snapshot": page.snapshot,
        "sources": [*sorted(sources.numbers), *sorted(sources.recalled)],
        "price_known": is_price_known,
        "socket_url": f"{SOCKET_URL}{by_link}",
        "debate_url": f"{address}{by_link}",
        "events_url": f"{address}/events{by_link}",
        "words": {
            "statuses": words_to_json(STATUSES),
            "decisions": words_to_json(DECISIONS),
            "stop_reasons": words_to_json(STOP_REASONS),
            "phases": words_to_json(PHASES),
            "notes": {type_.value: text for type_, text in NOTE_TEXTS.items()} | INTERVENTION_TEXTS,
            "controls": {
                status.value: [c.action for c in CONTROLS if status in c.statuses]
                for status in DebateStatus
            },
        },
    }


@require_POST
def control(request: HttpRequest, slug: str) -> HttpResponse:
    """Start, pause, resume, stop or cancel; then back to the page."""
    debate = find_debate(request, slug)
    action = request.POST.get("action", "")
    chosen = next((c for c in CONTROLS if c.action == action), None)
    if chosen is None:
        raise Http404(f"There is no action {action!r}.")
    try:
        chosen.carry_out(debate_id=debate.pk, actor=request.user)
    except (StateForbids, QueueFull) as error:
        messages.error(request, str(error))
    except REFUSALS as error:
        return refused(debate, error)
    return redirect("web:debate", slug=debate.slug)


REFUSALS = (NotFound, SignInRequired, NotAllowed)


def refused(debate: Debate, error: Exception) -> HttpResponse:
    """What somebody is answered who may not do to a debate what they asked for: one of
    `REFUSALS`."""
    match error:
        case NotFound():
            raise Http404(str(error)) from error
        case SignInRequired():
            return redirect_to_login(debate_url(debate), login_url="web:sign_in")
    raise PermissionDenied(str(error)) from error


def debate_url(debate: Debate) -> str:
    return redirect("web:debate", slug=debate.slug).url


@require_safe
def confirm_cancel(request: HttpRequest, slug: str) -> HttpResponse:
    """The question before cancelling, for browsers without scripts."""
    debate = find_debate(request, slug)
    if not controls.may_control(debate=debate, actor=request.user):
        if not request.user.is_authenticated:
            return redirect_to_login(debate_url(debate), login_url="web:sign_in")
        raise PermissionDenied
    return render(request, "web/debate_cancel.html", {"debate": debate})
