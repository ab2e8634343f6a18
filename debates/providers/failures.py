"""What a client library raised, said as a `ProviderError`.

The new error is never chained to the old one: servers repeat keys in their refusals, and a
traceback would carry them into a log. For the same reason a server's own words are quoted only
where they are of use, shortened, and with the key struck out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import structlog
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    UserError,
)

from debates.providers.base import (
    AgentSpec,
    Incomplete,
    KeyRefused,
    ProviderError,
    RateLimited,
    RequestRejected,
    ServerFailed,
    ServerUnreachable,
)
from debates.providers.reach import AddressRefused

log = structlog.get_logger(__name__)

MAX_QUOTE = 200
LEAST_SECRET = 8
"""Shorter keys ("none", "EMPTY") are place-holders, and words of the language besides."""


def explain(error: Exception, *, spec: AgentSpec, address: str, key: str) -> ProviderError:
    """The `ProviderError` for what a client library raised; a `ProviderError` stays as it is."""
    if isinstance(error, ProviderError):
        return error
    if refused := _refused_address(error):
        return RequestRejected(str(refused))
    if isinstance(error, ModelAPIError | ContentFilterError):
        return _refused(error, spec, address, key) or _failed(error, address)
    if isinstance(error, httpx2.TransportError):
        return ServerFailed(f"The connection to {address} broke off.")
    if isinstance(error, UserError):
        # The library was used wrongly: ours to mend, and no fault of the server's.
        log.error("provider_misused", provider=spec.provider, model=spec.model)
        return ProviderError(f"{spec.model} cannot be asked in this way.")
    # Whatever else a malformed answer sets off in the libraries.
    log.error(
        "provider_answer_unreadable",
        provider=spec.provider,
        model=spec.model,
        error=type(error).__name__,
    )
    return ServerFailed(f"{address} answered what cannot be read.")


def _refused_address(error: BaseException | None) -> AddressRefused | None:
    """Why no connection was made at all; the libraries wrap it in their own errors."""
    while error is not None and not isinstance(error, AddressRefused):
        error = error.__cause__ or error.__context__
    return error


def _refused(
    error: ModelAPIError | ContentFilterError, spec: AgentSpec, address: str, key: str
) -> ProviderError | None:
    """What the server will not do, or not now; None when it is the server that failed."""
    match error:
        case ModelAuthenticationError():
            return key_refused(spec, address)
        case ModelQuotaExceededError():
            return RequestRejected(f"{address} says that the account's quota is used up.")
        case ModelRateLimitError():
            return RateLimited(f"{address} is asked too often.", retry_after=error.retry_after)
        case ModelContextWindowExceededError():
            return RequestRejected(f"{spec.model} cannot read that much at once.")
        case ModelNotFoundError():
            return RequestRejected(f"{address} has no model “{spec.model}”.")
        case ContentFilterError():
            return declined(spec)
        case ModelHTTPError() if error.status_code < 500 and error.status_code != 408:
            return RequestRejected(
                f"{address} rejected the request ({error.status_code}){_quote(error.body, key)}."
            )
        case ModelRequestRejectedError():
            return RequestRejected(f"{address} rejected the request{_quote(error.body, key)}.")
    return None


def _failed(error: ModelAPIError | ContentFilterError, address: str) -> ProviderError:
    match error:
        case ModelHTTPError():
            return ServerFailed(
                f"{address} failed ({error.status_code}).", retry_after=error.retry_after
            )
        case ModelConnectionError() if error.phase in {"pool", "connect"}:
            return ServerUnreachable(f"Nothing answers at {address}.")
        case ModelConnectionError():
            return ServerFailed(f"The connection to {address} broke off.")
        case ModelAPIError() if "finish_reason" in str(error):
            return Incomplete("The stream ended without a finish reason.")
    return ServerFailed(f"{address} sent an error, or what cannot be read.")


def key_refused(spec: AgentSpec, address: str) -> KeyRefused:
    if not spec.api_key_variable:
        return KeyRefused(f"{address} asks for a key, and the agent names no variable for one.")
    return KeyRefused(f"{address} refused the key in {spec.api_key_variable}.")


def no_key(spec: AgentSpec) -> KeyRefused:
    return KeyRefused(f"There is no key in {spec.api_key_variable}.")


def declined(spec: AgentSpec) -> RequestRejected:
    return RequestRejected(f"{spec.model} declined to answer.")


def speaks_of_tools(error: Exception) -> bool:
    """Whether a server's refusal is about being offered a tool. Ollama answers 400, OpenRouter
    404, vLLM 400 (without --enable-auto-tool-choice), llama.cpp 500 (without --jinja)."""
    if not isinstance(error, ModelHTTPError) or error.status_code in {401, 403, 429}:
        return False
    words = str(error.body).lower()
    return any(word in words for word in ("tool", "function", "jinja", "grammar", "schema"))


def _quote(body: Any, key: str) -> str:
    """`: “…”` with what the server says of itself; empty when it says nothing."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        body = inner.get("message", "") if isinstance(inner, Mapping) else inner
    words = " ".join(str(body or "").split())
    if len(key) >= LEAST_SECRET:
        words = words.replace(key, "…")
    return f": “{words[:MAX_QUOTE]}”" if words else ""
