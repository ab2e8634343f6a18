"""Where model servers are, and which variable holds their key."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from django.conf import settings

from debates.choices import ProviderName

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"


def base_url_of(provider: str, base_url: str = "") -> str:
    """The address that requests go to: the agent's own, else the one from the settings, else the
    provider's. Empty for a provider that is not asked over the network."""
    match provider:
        case ProviderName.OPENAI_COMPATIBLE:
            found = base_url or settings.ARAGORA.openai_base_url or OPENAI_URL
        case ProviderName.ANTHROPIC:
            found = base_url or settings.ARAGORA.anthropic_base_url or ANTHROPIC_URL
        case _:
            found = ""
    return str(found).rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own, by its name alone (nothing is resolved)."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_in(variable: str) -> str:
    """The key in an environment variable; empty where there is none, or no variable."""
    return os.environ.get(variable, "").strip() if variable else ""
