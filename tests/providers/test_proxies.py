"""A proxy in the environment is for other machines' servers, never for this one's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from debates.mock_llm.server import ModelServer
from debates.providers.base import AgentSpec, RequestRejected
from debates.providers.clients import http_client
from debates.providers.reach import proxy_of
from tests.providers.conftest import Asked, MakeSpec
from tests.support.calls import make_call


@pytest.fixture
def set_proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_all(url: str, no_proxy: str = "") -> None:
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, url)

    return set_all


async def test_this_machines_servers_are_asked_directly(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, set_proxy: Callable[..., None]
) -> None:
    set_proxy("http://127.0.0.1:9")

    await asked.ask(spec, make_call())

    assert len(model_server.requests) == 1


async def test_others_are_asked_through_it(
    asked: Asked,
    make_model_spec: MakeSpec,
    model_server: ModelServer,
    set_proxy: Callable[..., None],
) -> None:
    set_proxy(model_server.origin)

    await asked.ask(make_model_spec(base_url="http://models.invalid/v1"), make_call())

    (request,) = model_server.requests
    assert request.headers["host"] == "models.invalid"


EXCEPTIONS = ("10.1.2.3", "http://10.1.2.3", "all://10.1.2.3:80", "10.1.2.3:80", "elsewhere, *")


@pytest.mark.parametrize("no_proxy", EXCEPTIONS)
async def test_who_is_excepted_from_it_is_looked_at_here(
    asked: Asked,
    make_model_spec: MakeSpec,
    model_server: ModelServer,
    set_proxy: Callable[..., None],
    no_proxy: str,
) -> None:
    set_proxy(model_server.origin, no_proxy)

    with pytest.raises(RequestRejected, match=r"10\.1\.2\.3.*ARAGORA_MODEL_NETWORKS"):
        await asked.ask(make_model_spec(base_url="http://10.1.2.3/v1"), make_call())

    assert model_server.requests == []


@pytest.mark.parametrize(
    ("no_proxy", "is_excepted"),
    [
        ("https://models.example", False),
        ("http://models.example", True),
        ("http://*.example", True),
        ("http://other.example", False),
        ("models.example:8080", False),
        ("http://models.example:80", True),
        ("10.0.0.0/8, ://, [", False),
    ],
)
def test_an_exception_may_name_a_scheme_and_a_port(
    set_proxy: Callable[..., None],
    no_proxy: str,
    is_excepted: bool,
) -> None:
    set_proxy("proxy.example:3128", no_proxy)
    expected = "" if is_excepted else "http://proxy.example:3128"
    assert proxy_of("http://models.example/v1") == expected


async def test_two_servers_of_one_host_may_differ(set_proxy: Callable[..., None]) -> None:
    set_proxy("http://proxy.example:3128", "models.example:8080")
    by_proxy, directly, again = (
        http_client(f"http://models.example:{port}/v1") for port in (9090, 8080, 9090)
    )
    assert by_proxy is again
    assert by_proxy is not directly
