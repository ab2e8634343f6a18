"""Providers by name."""

from __future__ import annotations

import threading

import pytest

from debates.choices import ProviderName
from debates.engine.types import Ballot, Phase, Position, Usage
from debates.providers.base import Provider
from debates.providers.gateway import Gateway
from debates.providers.registry import get_provider
from tests.factories import make_spec
from tests.providers.conftest import Asked, MakeSpec
from tests.support.calls import make_call


@pytest.mark.parametrize("name", ProviderName)
def test_every_name_has_one_provider(name: ProviderName) -> None:
    provider = get_provider(name.value)

    assert provider is get_provider(name)
    assert callable(provider.stream)


def test_another_name_has_none() -> None:
    with pytest.raises(ValueError, match="ouija"):
        get_provider("ouija")


async def test_extractive_agents_are_asked_through_the_same_gateway(asked: Asked) -> None:
    reply, completion = await asked.ask(make_spec("grace"), make_call())
    ballot, _ = await asked.ask(make_spec("grace"), make_call(Phase.VOTE))

    assert isinstance(reply, Position)
    assert isinstance(ballot, Ballot)
    assert asked.heard == completion.text
    assert completion.cost_usd == 0
    assert completion.usage == Usage()


async def test_libraries_are_imported_once_and_not_in_the_event_loop(
    make_model_spec: MakeSpec, asked: Asked
) -> None:
    threads = []

    def provider_of(name: str) -> Provider:
        threads.append(threading.get_ident())
        return get_provider(name)

    asked.gateway = Gateway(provider_of=provider_of, breakers=asked.breakers)
    await asked.ask(make_model_spec(), make_call())
    await asked.ask(make_model_spec(), make_call())

    (thread,) = threads
    assert thread != threading.get_ident()
