"""What somebody's new debates begin with: chosen, and given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import ROUND_DOWN
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from debates.caching import PREFERENCES
from debates.engine.types import DecisionMode, ProtocolName
from debates.models import Preferences
from debates.selectors.preferences import Preferred, read_preferences
from debates.services.faults import Faults
from debates.services.panels import Roster
from debates.services.planning import (
    CENTICENT,
    NewDebate,
    check_figures,
    choose_panel,
    read_word,
)

log = structlog.get_logger(__name__)

CHOICES = frozenset(field.name for field in fields(Preferred)) - {"updated_at"}


def save_preferences(*, user: User, choices: Mapping[str, Any], now: datetime) -> Preferred:
    """Keep what is chosen, by the names of `CHOICES`, beside what was chosen before; None goes back
    to what holds for everybody.

    The words and figures may be what a debate's may be. Raises `InvalidInput` with every wrong
    field; then nothing is written."""
    common = Preferred()
    chosen = {
        name: getattr(common, name) if value is None else value for name, value in choices.items()
    }
    faults = Faults()
    wanted = NewDebate(question="", **{**chosen, "agents": tuple(chosen.get("agents", ()))})
    read_word(faults, "protocol", ProtocolName, wanted.protocol)
    read_word(faults, "decision", DecisionMode, wanted.decision)
    check_figures(faults, wanted)
    if wanted.agents:
        chosen["agents"] = [member.name for member in choose_panel(faults, wanted, Roster.load())]
    elif "agents" in chosen:
        chosen["agents"] = []
    faults.raise_any()
    if wanted.budget_usd is not None:
        chosen["budget_usd"] = wanted.budget_usd.quantize(CENTICENT, rounding=ROUND_DOWN)
    with transaction.atomic():
        Preferences.objects.update_or_create(user=user, defaults={**chosen, "updated_at": now})
        PREFERENCES.changed(str(user.pk))
    log.info("preferences_saved", user_id=user.pk, fields=sorted(chosen))
    return read_preferences(user=user)


def reset_preferences(*, user: User) -> Preferred:
    """Go back to what holds for everybody."""
    with transaction.atomic():
        Preferences.objects.filter(user=user).delete()
        PREFERENCES.changed(str(user.pk))
    log.info("preferences_reset", user_id=user.pk)
    return Preferred()
