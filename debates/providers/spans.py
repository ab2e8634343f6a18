"""A request to a model as a span, in the words of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from urllib.parse import urlsplit

from debates.choices import ProviderName
from debates.engine.types import Call
from debates.providers.base import AgentSpec, Completion
from monitoring import tracing
from monitoring.tracing import Attributes, Kind, Trace

_SYSTEMS = {
    ProviderName.ANTHROPIC.value: "anthropic",
    ProviderName.OPENAI_COMPATIBLE.value: "openai",
}
"""What the conventions call the dialect that is spoken."""


def request_span(spec: AgentSpec, call: Call) -> Trace:
    """Around one request. What is asked and answered is not in it, and neither is a key."""
    if not spec.is_language_model:
        return tracing.span("argue")
    attributes: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _SYSTEMS.get(spec.provider, spec.provider),
        "gen_ai.request.model": spec.model,
        "gen_ai.request.max_tokens": call.max_output_tokens,
    }
    if spec.temperature is not None:
        attributes["gen_ai.request.temperature"] = spec.temperature
    if host := urlsplit(spec.base_url).hostname:
        attributes["server.address"] = host
    return tracing.span(f"chat {spec.model}", attributes, kind=Kind.CLIENT)


def outcome(completion: Completion) -> Attributes:
    """What came of a request."""
    return {
        "gen_ai.response.model": completion.model,
        "gen_ai.usage.input_tokens": completion.usage.input_tokens,
        "gen_ai.usage.output_tokens": completion.usage.output_tokens,
    }
