"""A proxy in the environment is for other machines' servers, never for this one's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from debates.mock_llm.server import ModelServer
from debates.providers.base import AgentSpec
from tests.providers.conftest import Asked, MakeSpec
from tests.support.calls import make_call


@pytest.fixture
def set_proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_all(url: str) -> None:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, url)

    return set_all


async def test_this_machines_servers_are_asked_directly(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, set_proxy: Callable[[str], None]
) -> None:
    set_proxy("http://127.0.0.1:9")

    await asked.ask(spec, make_call())

    assert len(model_server.requests) == 1


async def test_others_are_asked_through_it(
    asked: Asked,
    make_model_spec: MakeSpec,
    model_server: ModelServer,
    set_proxy: Callable[[str], None],
) -> None:
    set_proxy(model_server.origin)

    await asked.ask(make_model_spec(base_url="http://models.invalid/v1"), make_call())

    (request,) = model_server.requests
    assert request.headers["host"] == "models.invalid"
