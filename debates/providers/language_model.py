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


class LanguageModelProvider(Provider, ABC):
    """A `Provider` by way of a `pydantic_ai` model."""

    def __init__(self) -> None:
        self._in_words: set[tuple[str, str]] = set()
        """(address, model) of those that do not fill in forms: asked for JSON in words instead."""

    @abstractmethod
    def make_model(self, spec: AgentSpec, address: str, key: str) -> Model[Any]:
        """A model that makes one request a call, without retries of its own."""

    async def stream(self, spec: AgentSpec, call: Call) -> AsyncGenerator[Delta | Completion, None]:
        address, key = _address_and_key(spec)
        pieces: list[str] = []
        completion: Completion | None = None
        failure: ProviderError | None = None
        try:
            model = self._model(spec, address, key)
            async with model_request_stream(
                model, _messages(call), model_settings=_settings(call, spec, model)
            ) as response:
                events = cast(AsyncGenerator[ModelResponseStreamEvent, None], aiter(response))
                async with aclosing(events):
                    async for event in events:
                        if piece := _text_in(event):
                            pieces.append(piece)
                            yield Delta(piece)
                completion = _completion(response.get(), spec, call, text="".join(pieces))
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
            try:
                response = await model_request(
                    model,
                    _messages(call),
                    model_settings=settings,
                    model_request_parameters=ModelRequestParameters(
                        output_mode="tool", output_tools=[form], allow_text_output=False
                    ),
                )
            except Exception as error:
                if not failures.speaks_of_tools(error):
                    raise
                self._in_words.add((address, spec.model))
            else:
                completion = _filled_in(response, spec, call)
                if completion.data is None:
                    # It answered in words although a form was offered. They may do; the next time
                    # it is asked in words at once.
                    self._in_words.add((address, spec.model))
                return completion
        response = await model_request(model, _messages(call, schema), model_settings=settings)
        return _filled_in(response, spec, call)


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


def _filled_in(response: ModelResponse, spec: AgentSpec, call: Call) -> Completion:
    """The form that came back, or, where none did, the words."""
    for part in response.parts:
        if isinstance(part, ToolCallPart):
            try:
                data = part.args_as_dict(raise_if_invalid=True)
            except (ValueError, AssertionError):
                return _completion(response, spec, call, text=part.args_as_json_str())
            return _completion(response, spec, call, text=part.args_as_json_str(), data=data)
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    return _completion(response, spec, call, text=text)


def _completion(
    response: ModelResponse,
    spec: AgentSpec,
    call: Call,
    *,
    text: str,
    data: Mapping[str, Any] | None = None,
) -> Completion:
    """Raises `ProviderError`, with the usage in it, for an answer that is not whole."""
    usage, estimated = _usage(response, call, text)
    problem: ProviderError | None = None
    match response.finish_reason:
        case "length":
            problem = OutOfRoom(f"{call.max_output_tokens} tokens were not room enough.")
        case "content_filter":
            problem = failures.declined(spec)
        case "error":
            problem = ServerFailed(f"{spec.model} broke off.")
        case None:
            problem = Incomplete("The stream ended without a finish reason.")
        case _ if not text.strip():
            problem = Incomplete(f"{spec.model} said nothing.")
    if problem is not None:
        problem.usage, problem.usage_estimated = usage, estimated
        raise problem
    return Completion(
        text=text,
        usage=usage,
        usage_estimated=estimated,
        finish_reason="stop",
        model=response.model_name or spec.model,
        data=data,
    )


def _usage(response: ModelResponse, call: Call, text: str) -> tuple[Usage, bool]:
    """What the server says; what it leaves out is counted from the text (True)."""
    said = Usage(response.usage.input_tokens, response.usage.output_tokens)
    if said.input_tokens and (said.output_tokens or not text):
        return said, False
    estimate = estimate_usage(call, text)
    return (
        Usage(
            said.input_tokens or estimate.input_tokens,
            said.output_tokens or estimate.output_tokens,
        ),
        True,
    )
