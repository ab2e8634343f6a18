"""Whether an agent can be asked now, told without spending."""

from __future__ import annotations

from dataclasses import replace

import pytest

from debates.choices import ProviderName
from debates.mock_llm.server import ModelServer, Options
from debates.providers.base import AgentSpec, Reachability
from debates.providers.model_lists import ANTHROPIC_VERSION
from debates.providers.registry import get_provider
from tests.providers.conftest import KEY, KEY_VARIABLE, Asked, MakeSpec
from tests.support.calls import make_call


async def check(spec: AgentSpec) -> Reachability:
    return await get_provider(spec.provider).check(spec)


async def test_an_agent_that_can_be_asked(spec: AgentSpec, model_server: ModelServer) -> None:
    model_server.reset(Options(key=KEY))

    reach = await check(spec)

    assert reach == Reachability(True, "answers", ("test-large", "test-small"))
    assert model_server.requests == []


async def test_a_missing_key_is_told_unasked(
    spec: AgentSpec, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)

    reach = await check(spec)

    assert not reach.reachable
    assert reach.detail == f"no key in {KEY_VARIABLE}"
    assert model_server.other_requests == []


async def test_a_refused_key(spec: AgentSpec, model_server: ModelServer) -> None:
    model_server.reset(Options(key="another"))

    reach = await check(spec)

    assert not reach.reachable
    assert reach.detail == f"{spec.base_url} refuses the key"


async def test_a_model_that_the_server_does_not_have(spec: AgentSpec) -> None:
    reach = await check(replace(spec, model="test-huge"))

    assert not reach.reachable
    assert "has no model “test-huge”" in reach.detail


async def test_a_name_without_its_tag(spec: AgentSpec, model_server: ModelServer) -> None:
    model_server.reset(Options(models=("llama3.2:latest",)))

    assert (await check(replace(spec, model="llama3.2"))).reachable


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "not an address"])
async def test_an_address_where_nobody_answers(spec: AgentSpec, url: str) -> None:
    reach = await check(replace(spec, base_url=url))

    assert not reach.reachable
    assert reach.detail == f"nothing answers at {url}"


async def test_a_server_that_does_not_list_its_models(
    make_model_spec: MakeSpec, model_server: ModelServer
) -> None:
    spec = make_model_spec(base_url=f"{model_server.origin}/elsewhere/v1")

    reach = await check(spec)

    assert reach.reachable
    assert "does not list its models" in reach.detail


async def test_the_dialects_version_is_the_client_librarys(
    asked: Asked, make_model_spec: MakeSpec, model_server: ModelServer
) -> None:
    await asked.ask(make_model_spec(ProviderName.ANTHROPIC), make_call())

    (request,) = model_server.requests
    assert request.headers["anthropic-version"] == ANTHROPIC_VERSION
