"""The limits of the tiers as they are configured."""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings

from memory.tiers import Limits, Tier


def tier_limits() -> Mapping[Tier, Limits]:
    """Lifetime and bytes of every tier, from `ARAGORA_MEMORY_…`."""
    environment = settings.ARAGORA
    return {
        tier: Limits(
            timedelta(seconds=getattr(environment, f"memory_{tier}_ttl")),
            getattr(environment, f"memory_{tier}_bytes"),
        )
        for tier in Tier
    }
