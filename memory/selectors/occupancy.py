"""How full the memory is, for whoever runs the installation."""

from __future__ import annotations

from django.db.models import Sum

from aragora_site.tenancy.scopes import Purpose, across_tenants
from memory.models import Scope
from memory.tiers import Tier


@across_tenants(Purpose.OPERATOR)
def bytes_by_tier() -> dict[str, float]:
    """The bytes of each tier over all scopes, as they are counted: expired entries that nobody has
    removed yet included. One query."""
    sums = Scope.objects.aggregate(**{tier.value: Sum(f"{tier.value}_bytes") for tier in Tier})
    return {tier: float(total or 0) for tier, total in sums.items()}
