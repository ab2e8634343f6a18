"""What one's new debates begin with."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from debates import selectors
from debates.exceptions import InvalidInput
from debates.selectors.preferences import read_preferences
from debates.services.panels import LEAST_PANEL_SIZE
from debates.services.preferences import reset_preferences, save_preferences
from debates.web.account_forms import PreferencesForm
from debates.web.forms import decision_options, protocol_options
from debates.web.views.account import FORM_METHODS, person_of
from debates.web.views.start import rank_of_choice


@login_required
@require_http_methods(FORM_METHODS)
def preferences(request: HttpRequest) -> HttpResponse:
    """Those that were chosen; on POST, others."""
    user = person_of(request)
    preferred = read_preferences(user=user)
    form = PreferencesForm.of(preferred)
    if request.method == "POST":
        form = PreferencesForm(request.POST)
        if form.is_valid():
            try:
                save_preferences(user=user, choices=form.choices, now=timezone.now())
            except InvalidInput as error:
                form.add_findings(error)
            else:
                messages.success(request, "Saved. Your next new debate begins with it.")
                return redirect("web:preferences")
    cards = sorted(selectors.agent_cards(), key=rank_of_choice)
    askable = {card["name"] for card in cards if card["available"]}
    context = {
        "form": form,
        "agent_cards": cards,
        "missing": [name for name in preferred.agents if name not in askable],
        "protocols": protocol_options(form),
        "decisions": decision_options(form),
        "least_agents": LEAST_PANEL_SIZE,
        "most_agents": settings.ARAGORA.max_agents_per_debate,
        "chosen": preferred.updated_at is not None,
    }
    return render(request, "web/accounts/preferences.html", context)


@login_required
@require_http_methods(FORM_METHODS)
def reset(request: HttpRequest) -> HttpResponse:
    """Asks first; on POST, goes back to what holds for everybody."""
    user = person_of(request)
    if request.method != "POST":
        return render(request, "web/accounts/preferences_reset.html")
    reset_preferences(user=user)
    messages.success(request, "Your preferences were reset.")
    return redirect("web:preferences")
