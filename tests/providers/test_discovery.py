"""Which models are found: on this machine's ports, and by the settings."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from debates.mock_llm.server import ModelServer, Options
from debates.providers.discovery import (
    ANTHROPIC_MODELS,
    MAX_MODELS,
    OPENAI_MODELS,
    configured_servers,
    discover_local_servers,
    find_servers,
)
from debates.providers.model_lists import ListedModel

Configure = Callable[..., None]


@pytest.fixture
def configure(settings: Settings) -> Configure:
    """Set fields of `settings.ARAGORA`; at first, nothing points to a model."""

    def change(**fields: Any) -> None:
        settings.ARAGORA = replace(settings.ARAGORA, **fields)

    change(
        openai_api_key="",
        openai_base_url="",
        openai_models=(),
        anthropic_api_key="",
        anthropic_base_url="",
        anthropic_models=(),
        discover_local_models=False,
        port=0,
    )
    return change


@pytest.fixture
def closed_port() -> Iterator[int]:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
async def silent_port() -> int:
    """Accepts connections, says nothing."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def test_servers_on_the_usual_ports_are_found(
    configure: Configure, model_server: ModelServer, closed_port: int, silent_port: int
) -> None:
    ports = {"Ollama": model_server.port, "LM Studio": closed_port, "vLLM": silent_port}

    (found,) = await discover_local_servers(ports)

    assert found.name == "Ollama"
    assert found.base_url == model_server.openai_url
    assert [model.id for model in found.models] == ["test-large", "test-small"]
    assert found.api_key_variable == ""


async def test_we_do_not_find_ourselves(configure: Configure, model_server: ModelServer) -> None:
    configure(port=model_server.port)

    assert await discover_local_servers({"llama.cpp": model_server.port}) == ()
    assert model_server.other_requests == []


async def test_what_lists_no_models_is_no_model_server(
    configure: Configure, model_server: ModelServer
) -> None:
    model_server.reset(Options(models=()))
    assert await discover_local_servers({"vLLM": model_server.port}) == ()


async def test_models_that_cannot_talk_are_left_out(
    configure: Configure, model_server: ModelServer
) -> None:
    model_server.reset(
        Options(models=("nomic-embed-text", "llama3.2:3b", "whisper-1", "gpt-image-1", "tts-1-hd"))
    )

    (found,) = await discover_local_servers({"Ollama": model_server.port})

    assert [model.id for model in found.models] == ["llama3.2:3b"]


async def test_of_many_models_one_of_each_family_comes_first(
    configure: Configure, model_server: ModelServer
) -> None:
    llamas = tuple(f"llama-{number}" for number in range(9))
    model_server.reset(Options(models=(*llamas, "qwen2.5:7b", "gemma3:4b")))

    (found,) = await discover_local_servers({"Ollama": model_server.port})

    assert [model.id for model in found.models] == ["llama-0", "qwen2.5:7b", "gemma3:4b", "llama-1"]
    assert found.left_out == 11 - MAX_MODELS


async def test_nothing_is_configured(configure: Configure) -> None:
    assert await configured_servers() == ()


async def test_a_key_alone_gives_the_default_models(configure: Configure) -> None:
    configure(openai_api_key="sk-1", anthropic_api_key="sk-2")

    openai, anthropic = await configured_servers()

    assert openai.models == tuple(map(ListedModel, OPENAI_MODELS))
    assert openai.api_key_variable == "OPENAI_API_KEY"
    assert openai.base_url == ""
    assert anthropic.models == tuple(map(ListedModel, ANTHROPIC_MODELS))
    assert anthropic.api_key_variable == "ANTHROPIC_API_KEY"


async def test_models_that_are_named_are_taken_unasked(
    configure: Configure, model_server: ModelServer
) -> None:
    configure(
        openai_api_key="sk-1",
        openai_base_url=model_server.openai_url,
        openai_models=("one", "two"),
        anthropic_api_key="sk-2",
        anthropic_models=("three",),
    )

    openai, anthropic = await configured_servers()

    assert [model.id for model in openai.models] == ["one", "two"]
    assert [model.id for model in anthropic.models] == ["three"]
    assert model_server.other_requests == []


async def test_a_server_of_ones_own_is_asked_for_its_models(
    configure: Configure, model_server: ModelServer
) -> None:
    model_server.reset(Options(key="sk-own"))
    configure(openai_api_key="sk-own", openai_base_url=model_server.openai_url)

    (server,) = await configured_servers()

    assert [model.id for model in server.models] == ["test-large", "test-small"]
    assert server.base_url == ""
    assert server.problem == ""


async def test_a_server_without_keys_needs_only_its_address(
    configure: Configure, model_server: ModelServer
) -> None:
    configure(openai_base_url=model_server.openai_url)

    (server,) = await configured_servers()

    assert server.models
    assert server.api_key_variable == ""


async def test_a_refused_key_is_told_and_not_repeated(
    configure: Configure, model_server: ModelServer
) -> None:
    model_server.reset(Options(key="sk-right"))
    configure(openai_api_key="sk-wrong", openai_base_url=model_server.openai_url)

    (server,) = await configured_servers()

    assert server.models == ()
    assert server.problem == f"{model_server.openai_url} refuses the key"


async def test_an_address_where_nobody_listens_is_told(
    configure: Configure, closed_port: int
) -> None:
    configure(openai_base_url=f"http://127.0.0.1:{closed_port}/v1")

    (server,) = await configured_servers()

    assert server.problem == f"nothing answers at http://127.0.0.1:{closed_port}/v1"


async def test_a_server_is_not_found_twice(
    configure: Configure, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(
        openai_base_url=model_server.openai_url.replace("127.0.0.1", "localhost"),
        discover_local_models=True,
    )
    monkeypatch.setattr("debates.providers.discovery.USUAL_PORTS", {"Ollama": model_server.port})

    assert len(await find_servers()) == 1


async def test_nobody_is_asked_when_discovery_is_off(
    configure: Configure, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debates.providers.discovery.USUAL_PORTS", {"Ollama": model_server.port})

    assert await find_servers() == ()
    assert model_server.other_requests == []
