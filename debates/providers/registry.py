"""Providers by name. Their modules are imported when first asked for: the client libraries of
language models take half a second and 60 MB, which a process that only serves pages never needs.
"""

from __future__ import annotations

from importlib import import_module
from threading import Lock
from typing import cast

from debates.choices import ProviderName
from debates.providers.base import Provider
from monitoring.collector import leave_out_what_is_loaded

_CLASSES = {
    ProviderName.EXTRACTIVE: "debates.providers.extractive.provider:ExtractiveProvider",
    ProviderName.OPENAI_COMPATIBLE: "debates.providers.openai_compatible.provider:"
    "OpenAICompatibleProvider",
    ProviderName.ANTHROPIC: "debates.providers.anthropic.provider:AnthropicProvider",
}


_providers: dict[ProviderName, Provider] = {}
_making = Lock()


def get_provider(name: str) -> Provider:
    """The provider of that name, one a process. Raises ValueError for a name that is not one of
    `ProviderName`."""
    known = ProviderName(name)
    if known not in _providers:
        with _making:
            if known not in _providers:
                module, _, attribute = _CLASSES[known].partition(":")
                _providers[known] = cast(Provider, getattr(import_module(module), attribute)())
                leave_out_what_is_loaded()
    return _providers[known]
