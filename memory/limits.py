"""The limits of the tiers as they are configured."""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings

from memory.tiers import Limits, Tier


def tier_limits() -> Mapping[Tier, Limits]:
    """Lifetime and bytes of every tier, from `ARAGORA_MEMORY_…`."""
    environment = settings.ARAGORA
    told = {
        Tier.FAST: (environment.memory_fast_ttl, environment.memory_fast_bytes),
        Tier.MEDIUM: (environment.memory_medium_ttl, environment.memory_medium_bytes),
        Tier.SLOW: (environment.memory_slow_ttl, environment.memory_slow_bytes),
        Tier.GLACIAL: (environment.memory_glacial_ttl, environment.memory_glacial_bytes),
    }
    return {tier: Limits(timedelta(seconds=ttl), most) for tier, (ttl, most) in told.items()}
