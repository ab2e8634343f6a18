"""Anthropic, and servers that speak its messages API."""

from __future__ import annotations

from typing import Any

from anthropic import AsyncAnthropic
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider as PydanticAnthropicProvider

from debates.providers import clients
from debates.providers.base import AgentSpec
from debates.providers.language_model import LanguageModelProvider

NO_KEY = "none"
"""Without one, the client library would look for others in the environment and on the disk."""


class AnthropicProvider(LanguageModelProvider):
    def make_model(self, spec: AgentSpec, address: str, key: str) -> Model[Any]:
        client = AsyncAnthropic(
            base_url=address,
            api_key=key or NO_KEY,
            http_client=clients.http_client(address),
            timeout=clients.timeouts(),
            max_retries=0,
        )
        return AnthropicModel(
            spec.model, provider=PydanticAnthropicProvider(anthropic_client=client)
        )
