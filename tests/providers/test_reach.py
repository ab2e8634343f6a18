"""Model requests go to the internet and to this machine; elsewhere only by an operator's word."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debates.mock_llm.server import ModelServer
from debates.providers.base import RequestRejected
from debates.providers.model_lists import NoModelList, list_models
from debates.providers.reach import is_allowed
from tests.providers.conftest import Asked, MakeSpec
from tests.support.calls import make_call

REFUSED = [
    *("169.254.169.254", "169.254.1.1", "fe80::1", "fd00:ec2::254", "100.100.100.200"),
    *("10.0.0.1", "172.17.0.1", "192.168.1.1", "fd12::1", "100.64.0.1", "0.0.0.0", "::"),  # noqa: S104
    *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    *("::a00:1", "::a9fe:a9fe", "64:ff9b:1::a00:1", "64:ff9b:1::a9fe:a9fe", "fec0::1"),
    *("224.0.0.1", "ff02::1", "255.255.255.255", "192.0.2.1"),
]


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_on_the_internet_is_refused(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "8.8.8.8", "2606:4700::1"])
def test_the_internet_and_this_machine_are_asked(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


def test_an_operator_may_name_a_network() -> None:
    networks = ("10.1.0.0/16", "fd12::/16")
    assert is_allowed(ipaddress.ip_address("10.1.2.3"), networks)
    assert is_allowed(ipaddress.ip_address("::ffff:10.1.2.3"), networks)
    assert is_allowed(ipaddress.ip_address("fd12::1"), networks)
    assert not is_allowed(ipaddress.ip_address("10.2.0.1"), networks)


@given(st.ip_addresses(network="169.254.0.0/16") | st.ip_addresses(network="fe80::/10"))
def test_link_local_addresses_are_never_asked(address: Any) -> None:
    assert not is_allowed(address, ("0.0.0.0/0", "::/0"))


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have every name lead to one address, as a name server of somebody else's can."""

    def lead_to(address: str) -> None:
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            return real(address if host == "models.example" else host, port, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return lead_to


async def test_a_name_that_leads_into_the_network_is_refused(
    asked: Asked, make_model_spec: MakeSpec, named: Callable[[str], None]
) -> None:
    named("169.254.169.254")
    spec = make_model_spec(base_url="http://models.example/v1")
    with pytest.raises(RequestRejected, match=r"169\.254\.169\.254.*ARAGORA_MODEL_NETWORKS"):
        await asked.ask(spec, make_call())


async def test_a_name_is_looked_up_and_its_host_is_told(
    asked: Asked,
    make_model_spec: MakeSpec,
    model_server: ModelServer,
    named: Callable[[str], None],
) -> None:
    named("127.0.0.1")
    port = model_server.origin.rpartition(":")[2]
    await asked.ask(make_model_spec(base_url=f"http://models.example:{port}/v1"), make_call())
    (request,) = model_server.requests
    assert request.headers["host"] == f"models.example:{port}"


async def test_a_list_of_models_is_not_asked_for_either(settings: Any) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, model_networks=())
    with pytest.raises(NoModelList, match="is not on the internet"):
        await list_models(
            provider="openai_compatible", address="http://10.0.0.1/v1", key="", seconds=2
        )
