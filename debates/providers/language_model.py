"""What providers of language models have in common: a call becomes a request by `pydantic-ai`,
and what comes back becomes deltas and a `Completion`.

Both kinds of call go through the library's `direct` API, one request each. Its `Agent` would check
ballots too, and ask again by itself; but the engine checks them anyway, and only the gateway may
repeat a request: it counts what every one of them costs.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import genai_prices.data  # noqa: F401  # Else imported at the first call, in the event loop.
from pydantic import TypeAdapter
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from debates.engine import prompts, replies
from debates.engine.types import Call, Phase, Usage
from debates.providers import addresses, clients, failures
from debates.providers.base import (
    AgentSpec,
    Completion,
    Delta,
    Incomplete,
    OutOfRoom,
    Provider,
    ProviderError,
    Reachability,
    ServerFailed,
)
from debates.providers.meter import estimate_usage
from debates.providers.model_lists import NoModelList, list_models

FORM_NAME = "answer"
FORM_REQUEST = "Answer with one JSON object of this schema, and nothing else:\n{schema}"
REPAIR_REQUEST = "That cannot be used: {error}\nAnswer again, in the form that was asked for."
CHECK_SECONDS = 5.0
TEXT = ModelRequestParameters()
"""Of a request that offers no form."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as a server gave it, whole or not."""

    text: str
    finish_reason: str | None
    """In the words of `pydantic_ai`; None where the server gave none."""
    usage: Usage
    """What the server says it was; nought where it does not."""
    model: str
    data: Mapping[str, Any] | None = None
    """The form, where it was filled in; `text` is its JSON."""


class LanguageModelProvider(Provider, ABC):
    """A `Provider` by way of a `pydantic_ai` model.

    `speak` and `fill_in` ask by the library throughout; a dialect may read the answers itself."""

    def __init__(self) -> None:
        self._in_words: set[tuple[str, str]] = set()
        """(address, model) of those that do not fill in forms: asked for JSON in words instead."""

    @abstractmethod
    def make_model(self, spec: AgentSpec, address: str, key: str) -> Model[Any]:
        """A model that makes one request a call, without retries of its own."""

    async def speak(
        self, model: Model[Any], messages: list[ModelMessage], settings: ModelSettings
    ) -> AsyncGenerator[str | Heard, None]:
        """Ask for text: the pieces, then all of it. Raises the library's errors."""
        async with model_request_stream(model, messages, model_settings=settings) as response:
            events = cast(AsyncGenerator[ModelResponseStreamEvent, None], aiter(response))
            pieces: list[str] = []
            async with aclosing(events):
                async for event in events:
                    if piece := _text_in(event):
                        pieces.append(piece)
                        yield piece
            whole = response.get()
            yield Heard("".join(pieces), whole.finish_reason, _said(whole), whole.model_name or "")

    async def fill_in(
        self,
        model: Model[Any],
        messages: list[ModelMessage],
        settings: ModelSettings,
        parameters: ModelRequestParameters,
    ) -> Heard:
        """Ask for an answer in one piece. Raises the library's errors."""
        response = await model_request(
            model, messages, model_settings=settings, model_request_parameters=parameters
        )
        reason, used, name = response.finish_reason, _said(response), response.model_name or ""
        for part in response.parts:
            if isinstance(part, ToolCallPart):
                text = part.args_as_json_str()
                try:
                    data = part.args_as_dict(raise_if_invalid=True)
                except (ValueError, AssertionError):
                    return Heard(text, reason, used, name)
                return Heard(text, reason, used, name, data)
        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        return Heard(text, reason, used, name)

    async def stream(self, spec: AgentSpec, call: Call) -> AsyncGenerator[Delta | Completion, None]:
        address, key = _address_and_key(spec)
        completion: Completion | None = None
        failure: ProviderError | None = None
        try:
            model = self._model(spec, address, key)
            spoken = self.speak(model, _messages(call), _settings(call, spec, model))
            async with aclosing(spoken):
                async for item in spoken:
                    if isinstance(item, str):
                        yield Delta(item)
                    else:
                        completion = _completion(item, spec, call)
        except Exception as error:
            failure = failures.explain(error, spec=spec, address=address, key=key)
        # Raised out here, the failure has no context that would carry the library's error, with
        # the server's words in it, into a log.
        if failure is not None:
            raise failure
        if completion is not None:
            yield completion

    async def choose(self, spec: AgentSpec, call: Call) -> Completion:
        address, key = _address_and_key(spec)
        try:
            return await self._choose(spec, call, address, key)
        except Exception as error:
            failure = failures.explain(error, spec=spec, address=address, key=key)
        raise failure

    async def check(self, spec: AgentSpec) -> Reachability:
        address = addresses.base_url_of(spec.provider, spec.base_url)
        key = addresses.key_in(spec.api_key_variable)
        if spec.api_key_variable and not key:
            return Reachability(False, f"no key in {spec.api_key_variable}")
        try:
            listed = await list_models(
                provider=spec.provider, address=address, key=key, seconds=CHECK_SECONDS
            )
        except NoModelList as problem:
            return Reachability(problem.answers and not problem.refuses_key, str(problem))
        models = tuple(model.id for model in listed)
        if not {spec.model, f"{spec.model}:latest"}.isdisjoint(models):
            return Reachability(True, "answers", models)
        if addresses.is_loopback(address):
            return Reachability(False, f"{address} has no model “{spec.model}”", models)
        # Providers take names that they do not list: aliases, dated versions, fine-tunes.
        return Reachability(True, f"answers, but does not list “{spec.model}”", models)

    def _model(self, spec: AgentSpec, address: str, key: str) -> Model[Any]:
        return clients.keep(
            ("model", spec.provider, address, key, spec.model),
            lambda: self.make_model(spec, address, key),
        )

    async def _choose(self, spec: AgentSpec, call: Call, address: str, key: str) -> Completion:
        model = self._model(spec, address, key)
        settings = _settings(call, spec, model)
        schema = _schema(call)
        if (address, spec.model) not in self._in_words:
            form = ToolDefinition(
                name=FORM_NAME, description="Give your answer.", parameters_json_schema=schema
            )
            parameters = ModelRequestParameters(
                output_mode="tool", output_tools=[form], allow_text_output=False
            )
            try:
                heard = await self.fill_in(model, _messages(call), settings, parameters)
            except Exception as error:
                if not failures.speaks_of_tools(error):
                    raise
                self._in_words.add((address, spec.model))
            else:
                completion = _completion(heard, spec, call)
                if completion.data is None:
                    # It answered in words although a form was offered. They may do; the next time
                    # it is asked in words at once.
                    self._in_words.add((address, spec.model))
                return completion
        in_words = _messages(call, schema)
        return _completion(await self.fill_in(model, in_words, settings, TEXT), spec, call)


def _address_and_key(spec: AgentSpec) -> tuple[str, str]:
    key = addresses.key_in(spec.api_key_variable)
    if spec.api_key_variable and not key:
        raise failures.no_key(spec)
    return addresses.base_url_of(spec.provider, spec.base_url), key


def _messages(call: Call, schema: Mapping[str, Any] | None = None) -> list[ModelMessage]:
    """The prompt, and for a repair the answer that it got and what is wrong with that. With a
    schema, the form is asked for in words."""
    prompt = prompts.render(call)
    asked = prompt.user
    if schema is not None:
        asked += "\n\n" + FORM_REQUEST.format(schema=json.dumps(schema))
    messages: list[ModelMessage] = [
        ModelRequest(parts=[SystemPromptPart(prompt.system), UserPromptPart(asked)])
    ]
    if call.repair is not None:
        messages.append(ModelResponse(parts=[TextPart(call.repair.text)]))
        request = REPAIR_REQUEST.format(error=call.repair.error)
        messages.append(ModelRequest(parts=[UserPromptPart(request)]))
    return messages


@cache
def _form(phase: Phase) -> Mapping[str, Any]:
    """The JSON schema of the form that a VOTE or JUDGE call asks for."""
    return TypeAdapter(replies.form_for(phase)).json_schema()


def _schema(call: Call) -> dict[str, Any]:
    """The form of a call, with the letters that may be filled in."""
    form = _form(call.key.phase)
    letters = {"type": "string", "enum": [choice.letter for choice in call.brief.choices]}
    fields = {
        name: {**field, "items": letters} if field["type"] == "array" else field
        for name, field in form["properties"].items()
    }
    if "choice" in fields:
        fields["choice"] = letters
    return {**form, "properties": fields}


def _settings(call: Call, spec: AgentSpec, model: Model[Any]) -> ModelSettings:
    settings = ModelSettings(max_tokens=call.max_output_tokens)
    if spec.temperature is not None:
        settings["temperature"] = spec.temperature
    if model.profile.get("thinking_enabled_by_default", False):
        # Thinking counts as output: left to itself, a model may use the whole of a turn's room
        # for it and have none left to answer in.
        settings["thinking"] = "low"
    return settings


def _text_in(event: ModelResponseStreamEvent) -> str:
    """The text that an event brings; empty for thinking and for the stream's own bookkeeping."""
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _said(response: ModelResponse) -> Usage:
    return Usage(response.usage.input_tokens, response.usage.output_tokens)


def _completion(heard: Heard, spec: AgentSpec, call: Call) -> Completion:
    """Raises `ProviderError`, with the usage in it, for an answer that is not whole."""
    usage, estimated = _usage(heard, call)
    problem: ProviderError | None = None
    match heard.finish_reason:
        case "length":
            problem = OutOfRoom(f"{call.max_output_tokens} tokens were not room enough.")
        case "content_filter":
            problem = failures.declined(spec)
        case "error":
            problem = ServerFailed(f"{spec.model} broke off.")
        case None:
            problem = Incomplete("The stream ended without a finish reason.")
        case _ if not heard.text.strip():
            problem = Incomplete(f"{spec.model} said nothing.")
    if problem is not None:
        problem.usage, problem.usage_estimated = usage, estimated
        raise problem
    return Completion(
        text=heard.text,
        usage=usage,
        usage_estimated=estimated,
        finish_reason="stop",
        model=heard.model or spec.model,
        data=heard.data,
    )


def _usage(heard: Heard, call: Call) -> tuple[Usage, bool]:
    """What the server says; what it leaves out is counted from the text (True)."""
    said = heard.usage
    if said.input_tokens and (said.output_tokens or not heard.text):
        return said, False
    estimate = estimate_usage(call, heard.text)
    return (
        Usage(
            said.input_tokens or estimate.input_tokens,
            said.output_tokens or estimate.output_tokens,
        ),
        True,
    )
