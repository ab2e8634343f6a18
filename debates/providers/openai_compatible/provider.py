"""OpenAI, and every server that speaks its chat completions: Ollama, LM Studio, llama.cpp, vLLM,
OpenRouter, Groq, Gemini, Mistral, DeepSeek, xAI …"""

from __future__ import annotations

from typing import Any

from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import (
    OpenAICompatibleProvider as PydanticOpenAICompatibleProvider,
)

from debates.providers import clients
from debates.providers.addresses import OPENAI_URL
from debates.providers.base import AgentSpec
from debates.providers.language_model import LanguageModelProvider
from debates.providers.openai_compatible.client import StreamingClient

NO_KEY = "none"
"""The client library insists on a key; servers without keys take no notice of one."""


class OpenAICompatibleProvider(LanguageModelProvider):
    def make_model(self, spec: AgentSpec, address: str, key: str) -> Model[Any]:
        client = StreamingClient(
            base_url=address,
            api_key=key or NO_KEY,
            http_client=clients.http_client(address),
            timeout=clients.timeouts(),
            max_retries=0,
        )
        profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
        if address == OPENAI_URL:
            return OpenAIChatModel(
                spec.model, provider=OpenAIProvider(openai_client=client), profile=profile
            )
        # Others know the older of the two names of the limit, and take one system message.
        profile["openai_chat_supports_max_completion_tokens"] = False
        profile["openai_chat_supports_multiple_system_messages"] = False
        profile["openai_supports_strict_tool_definition"] = False
        return OpenAIChatModel(
            spec.model,
            provider=PydanticOpenAICompatibleProvider(address, openai_client=client),
            profile=profile,
        )
