"""Finding models: on the usual ports of this machine, and where the settings point to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import structlog
from django.conf import settings

from debates.choices import ProviderName
from debates.providers import addresses
from debates.providers.clients import close_clients
from debates.providers.families import family_of
from debates.providers.model_lists import ListedModel, NoModelList, list_models

log = structlog.get_logger(__name__)

USUAL_PORTS: Mapping[str, int] = {
    "Ollama": 11434,
    "LM Studio": 1234,
    "llama.cpp": 8080,
    "vLLM": 8000,
}
PROBE_SECONDS = 0.3
LIST_SECONDS = 5.0
MAX_MODELS = 4
"""Of one server; some list hundreds. Whoever wants others names them in the settings."""

OPENAI_KEY, ANTHROPIC_KEY = "OPENAI_API_KEY", "ANTHROPIC_API_KEY"
OPENAI_MODELS = ("gpt-6.1-terra", "gpt-6-luna")
ANTHROPIC_MODELS = ("claude-sonnet-5-5", "claude-haiku-5-5")
"""What a key alone gives: a capable model of moderate price, and a cheap one."""

_NOT_FOR_CHAT = re.compile(
    r"embed|\bbge\b|\be5\b|minilm|rerank|whisper|transcri|speech|\btts\b|audio|realtime|\blive\b"
    r"|image|dall-e|sora|diffusion|flux|moderation|guard|\bocr\b|search-api|computer-use"
    r"|^(ada|babbage|curie|davinci)\b|davinci"
)


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A server to make agents from."""

    name: str
    """For people: "Ollama", "OpenAI" …"""
    provider: str
    models: tuple[ListedModel, ...] = ()
    """Those worth an agent."""
    base_url: str = ""
    """Empty for the one from the settings, or the provider's own: an agent that follows the
    settings needs no editing when they change."""
    api_key_variable: str = ""
    left_out: int = 0
    """How many more models it lists."""
    problem: str = ""
    """Why there are no models, as a sentence; empty when there are."""


async def find_servers() -> tuple[ModelServer, ...]:
    """Every server that the settings name, then those found on this machine."""
    try:
        configured = await configured_servers()
        if not settings.ARAGORA.discover_local_models:
            return configured
        taken = {_plain(addresses.base_url_of(server.provider)) for server in configured}
        local = await discover_local_servers()
        return configured + tuple(
            server for server in local if _plain(server.base_url) not in taken
        )
    finally:
        await close_clients()


async def configured_servers() -> tuple[ModelServer, ...]:
    """What keys and addresses in the settings give."""
    environment = settings.ARAGORA
    servers = []
    if environment.openai_api_key or environment.openai_base_url:
        servers.append(await _openai())
    if environment.anthropic_api_key or environment.anthropic_base_url:
        names = environment.anthropic_models or ANTHROPIC_MODELS
        servers.append(
            ModelServer(
                f"The server at {environment.anthropic_base_url}"
                if environment.anthropic_base_url
                else "Anthropic",
                ProviderName.ANTHROPIC.value,
                models=tuple(map(ListedModel, names)),
                api_key_variable=ANTHROPIC_KEY if environment.anthropic_api_key else "",
            )
        )
    return tuple(servers)


async def _openai() -> ModelServer:
    environment = settings.ARAGORA
    server = ModelServer(
        "OpenAI",
        ProviderName.OPENAI_COMPATIBLE.value,
        api_key_variable=OPENAI_KEY if environment.openai_api_key else "",
    )
    if environment.openai_base_url:
        server = replace(server, name=f"The server at {environment.openai_base_url}")
    if environment.openai_models:
        return replace(server, models=tuple(map(ListedModel, environment.openai_models)))
    if not environment.openai_base_url:
        return replace(server, models=tuple(map(ListedModel, OPENAI_MODELS)))
    return await _with_models(server, key=environment.openai_api_key, seconds=LIST_SECONDS)


async def discover_local_servers(
    ports: Mapping[str, int] | None = None,
) -> tuple[ModelServer, ...]:
    """The model servers that answer on this machine's usual ports, our own left out. Asks them all
    at once, over loopback alone, and waits `PROBE_SECONDS`."""
    probes = [
        _with_models(
            ModelServer(
                name,
                ProviderName.OPENAI_COMPATIBLE.value,
                base_url=f"http://127.0.0.1:{port}/v1",
            ),
            key="",
            seconds=PROBE_SECONDS,
        )
        for name, port in (USUAL_PORTS if ports is None else ports).items()
        if port != settings.ARAGORA.port
    ]
    return tuple(server for server in await asyncio.gather(*probes) if not server.problem)


async def _with_models(server: ModelServer, *, key: str, seconds: float) -> ModelServer:
    address = addresses.base_url_of(server.provider, server.base_url)
    try:
        listed = await list_models(
            provider=server.provider, address=address, key=key, seconds=seconds
        )
    except NoModelList as problem:
        return replace(server, problem=str(problem))
    chat = [model for model in listed if not _NOT_FOR_CHAT.search(model.id.lower())]
    if not chat:
        return replace(server, problem=f"{address} has no model to talk to")
    chosen = one_of_each_family(chat)[:MAX_MODELS]
    return replace(server, models=tuple(chosen), left_out=len(chat) - len(chosen))


def one_of_each_family(models: Iterable[ListedModel]) -> list[ListedModel]:
    """The first of every family, then the second of every family, and so on."""
    by_family: dict[str, list[ListedModel]] = {}
    for model in models:
        by_family.setdefault(family_of(model.id), []).append(model)
    depth = max(map(len, by_family.values()), default=0)
    return [
        family[place]
        for place in range(depth)
        for family in by_family.values()
        if place < len(family)
    ]


def _plain(url: str) -> str:
    return url.replace("//localhost:", "//127.0.0.1:").rstrip("/")
