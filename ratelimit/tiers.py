"""The tiers of service. Pure: no Django."""

from enum import StrEnum


class Tier(StrEnum):
    """How much somebody may ask of an instance, and who is served first."""

    ANONYMOUS = "anonymous"
    AUTHENTICATED = "authenticated"
    PREMIUM = "premium"
    INTERNAL = "internal"
    """Service to service: not limited."""
