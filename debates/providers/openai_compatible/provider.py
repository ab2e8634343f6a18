"""OpenAI, and every server that speaks its chat completions: Ollama, LM Studio, llama.cpp, vLLM,
OpenRouter, Groq, Gemini, Mistral, DeepSeek, xAI …

`pydantic-ai` says what the request is and what a refusal means; the answer is read in `reading`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from functools import cached_property, partial
from typing import Any, cast

import httpx2
from openai import APIError
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
from pydantic_ai.models.openai._errors import map_api_errors
from pydantic_ai.profiles import DEFAULT_THINKING_TAGS
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import (
    OpenAICompatibleProvider as PydanticOpenAICompatibleProvider,
)
from pydantic_ai.settings import ModelSettings

from aragora_site.recent import Recent
from debates.providers import clients
from debates.providers.addresses import OPENAI_URL
from debates.providers.base import AgentSpec
from debates.providers.language_model import TEXT, Heard, LanguageModelProvider
from debates.providers.openai_compatible.client import ChatClient
from debates.providers.openai_compatible.reading import (
    DONE,
    ErrorSaid,
    Events,
    StreamedAnswer,
    Tags,
    whole_answer,
)

NO_KEY = "none"
"""The client library insists on a key; servers without keys take no notice of one."""
LAST_WORDS_SECONDS = 0.1
"""How long to wait, after the last event, for the end of the body: a connection whose answer has
been read to its end can be used again."""
MOST_SETTINGS = 32
"""Of one model, that are kept prepared."""


class ChatModel(OpenAIChatModel):
    """The library's model, which asks and does not read."""

    @cached_property
    def _prepared(self) -> Recent[tuple[Any, ...], tuple[Any, ModelRequestParameters]]:
        """What requests for text become, by their settings: those of a model are few."""
        return Recent(MOST_SETTINGS)

    @property
    def thinking_tags(self) -> Tags:
        return self.profile.get("thinking_tags", DEFAULT_THINKING_TAGS)

    async def post(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings,
        parameters: ModelRequestParameters,
        *,
        stream: bool,
    ) -> httpx2.Response:
        """The open response. Raises the library's errors."""
        messages = self.prepare_messages(messages, parameters)
        prepare = partial(self.prepare_request, settings, parameters)
        if parameters is TEXT:
            prepared, parameters = self._prepared.get(tuple(settings.items()), prepare)
        else:
            prepared, parameters = prepare()
        create = cast(Any, self._completions_create)
        return cast(
            httpx2.Response,
            await create(
                messages, stream, cast(OpenAIChatModelSettings, prepared or {}), parameters
            ),
        )

    @contextmanager
    def naming_errors(self, response: httpx2.Response) -> Iterator[None]:
        """What a server says has gone wrong in the midst of an answer, as the same error before."""
        with map_api_errors(self.model_name):
            try:
                yield
            except ErrorSaid as error:
                raise APIError(error.message, response.request, body=error.body) from None


class OpenAICompatibleProvider(LanguageModelProvider):
    def make_model(self, spec: AgentSpec, address: str, key: str) -> ChatModel:
        client = ChatClient(
            base_url=address,
            api_key=key or NO_KEY,
            http_client=clients.http_client(address),
            timeout=clients.timeouts(),
            max_retries=0,
        )
        if address == OPENAI_URL:
            return ChatModel(spec.model, provider=OpenAIProvider(openai_client=client))
        # Others know the older of the two names of the limit, and take one system message.
        profile = OpenAIModelProfile(
            openai_chat_supports_max_completion_tokens=False,
            openai_chat_supports_multiple_system_messages=False,
            openai_supports_strict_tool_definition=False,
        )
        return ChatModel(
            spec.model,
            provider=PydanticOpenAICompatibleProvider(address, openai_client=client),
            profile=profile,
        )

    async def speak(
        self, model: Model[Any], messages: list[ModelMessage], settings: ModelSettings
    ) -> AsyncGenerator[str | Heard, None]:
        chat = cast(ChatModel, model)
        response = await chat.post(messages, settings, TEXT, stream=True)
        async with aclosing(response):
            events, answer, over = Events(), StreamedAnswer(chat.thinking_tags), False
            try:
                with chat.naming_errors(response):
                    async with asyncio.timeout(None) as limit:
                        async for piece in response.aiter_bytes():
                            for data in events.feed(piece):
                                if data.startswith(DONE):
                                    over = True
                                    now = asyncio.get_running_loop().time()
                                    limit.reschedule(now + LAST_WORDS_SECONDS)
                                elif not over and (text := answer.take(data)):
                                    yield text
            except (TimeoutError, httpx2.TransportError):
                if not over:
                    raise
            yield answer.heard()

    async def fill_in(
        self,
        model: Model[Any],
        messages: list[ModelMessage],
        settings: ModelSettings,
        parameters: ModelRequestParameters,
    ) -> Heard:
        chat = cast(ChatModel, model)
        response = await chat.post(messages, settings, parameters, stream=False)
        async with aclosing(response):
            data = await response.aread()
            with chat.naming_errors(response):
                return whole_answer(data, chat.thinking_tags)
