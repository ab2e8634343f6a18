"""What somebody's new debates begin with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser, User

from debates.caching import PREFERENCES
from debates.engine.types import DEFAULT_ROUNDS, DecisionMode, ProtocolName
from debates.models import Preferences


@dataclass(frozen=True)
class Preferred:
    """What somebody prefers; for what they have not chosen, what holds for everybody."""

    agents: tuple[str, ...] = ()
    """Names; empty for the default panel."""
    protocol: str = ProtocolName.ADAPTIVE.value
    decision: str = DecisionMode.AUTO.value
    rounds: int = DEFAULT_ROUNDS
    budget_usd: Decimal | None = None
    use_memory: bool = True
    updated_at: datetime | None = None
    """None for somebody who has chosen nothing."""


def read_preferences(*, user: User) -> Preferred:
    """As they are in the database: for whoever is about to change them."""
    row = Preferences.objects.filter(user=user).first()
    if row is None:
        return Preferred()
    return Preferred(
        agents=tuple(row.agents),
        protocol=row.protocol,
        decision=row.decision,
        rounds=row.rounds,
        budget_usd=row.budget_usd,
        use_memory=row.use_memory,
        updated_at=row.updated_at,
    )


def preferences_of(user: User | AnonymousUser) -> Preferred:
    """As they are kept (`debates.caching`); what holds for everybody when nobody is signed in."""
    if not isinstance(user, User):
        return Preferred()
    return PREFERENCES.get(str(user.pk), lambda: read_preferences(user=user))
