"""Asking a server which models it has: the one request that costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from debates.choices import ProviderName
from debates.providers import clients

ANTHROPIC_VERSION = "2026-10-21"
"""What the client library sends."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    id: str
    context_tokens: int | None = None
    """What the server says that the model reads at most; None where it does not say."""


class NoModelList(Exception):
    """There is no list to be had; `str()` says why, without secrets."""

    def __init__(self, message: str, *, answers: bool = False, refuses_key: bool = False) -> None:
        super().__init__(message)
        self.answers = answers
        """Something is there, it just does not list its models."""
        self.refuses_key = refuses_key


async def list_models(
    *, provider: str, address: str, key: str, seconds: float
) -> tuple[ListedModel, ...]:
    """The models of the server at `address`, which has `seconds` to answer. Raises
    `NoModelList`."""
    import httpx2

    from debates.providers.reach import AddressRefused

    url, headers = _request(provider, address, key)
    try:
        response = await clients.http_client(address).get(url, headers=headers, timeout=seconds)
    except AddressRefused as error:
        raise NoModelList(str(error).rstrip(".")) from None
    except httpx2.TimeoutException:
        raise NoModelList(f"no answer from {address} within {seconds:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise NoModelList(f"nothing answers at {address}") from None
    status = response.status_code
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise NoModelList(f"{address} refuses the key", answers=True, refuses_key=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise NoModelList(f"{address} fails ({status})")
    try:
        models = _read(response.json()) if status == HTTPStatus.OK else None
    except ValueError:
        models = None
    if models is None:
        raise NoModelList(f"{address} does not list its models", answers=True)
    return models


def _request(provider: str, address: str, key: str) -> tuple[str, dict[str, str]]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    if provider == ProviderName.ANTHROPIC:
        headers["anthropic-version"] = ANTHROPIC_VERSION
        return f"{address}/v1/models?limit=1000", headers
    return f"{address}/models", headers


def _read(body: Any) -> tuple[ListedModel, ...] | None:
    """None for what is not a list of models."""
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, list):
        return None
    return tuple(
        ListedModel(item["id"], _context_tokens(item))
        for item in data
        if isinstance(item, Mapping) and isinstance(item.get("id"), str) and item["id"]
    )


def _context_tokens(item: Mapping[str, Any]) -> int | None:
    """vLLM says max_model_len, OpenRouter and others context_length, Groq context_window."""
    for name in ("max_model_len", "context_length", "context_window", "max_context_length"):
        if isinstance(tokens := item.get(name), int) and tokens > 0:
            return tokens
    return None
