"""A model server for each test, and gateways whose waits take no time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from debates.choices import ProviderName
from debates.engine.types import Call, Price, Reply
from debates.mock_llm.server import ModelServer
from debates.providers.base import AgentSpec, Completion
from debates.providers.breaker import Breaker, Breakers
from debates.providers.clients import close_clients
from debates.providers.gateway import Gateway, RetryPolicy
from debates.providers.meter import Meter
from debates.providers.registry import get_provider

KEY_VARIABLE = "TEST_MODEL_KEY"
KEY = "sk-test-0123456789abcdef"
DIALECTS = (ProviderName.OPENAI_COMPATIBLE, ProviderName.ANTHROPIC)


@pytest.fixture(scope="session")
def running_model_server() -> Iterator[ModelServer]:
    for name in DIALECTS:
        get_provider(name)  # What is loaded with the first call takes longer than some deadlines.
    with ModelServer() as server:
        yield server


@pytest.fixture
def model_server(
    running_model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelServer]:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    running_model_server.reset()
    yield running_model_server
    running_model_server.reset()


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> ProviderName:
    """Every test that asks for it runs against either kind of server."""
    found: ProviderName = request.param
    return found


MakeSpec = Callable[..., AgentSpec]


@pytest.fixture
def make_model_spec(model_server: ModelServer) -> MakeSpec:
    """Snapshots of agents that the model server speaks for."""

    def make(provider: ProviderName = ProviderName.OPENAI_COMPATIBLE, **fields: Any) -> AgentSpec:
        anthropic = provider is ProviderName.ANTHROPIC
        given: dict[str, Any] = {
            "name": "ada",
            "provider": provider.value,
            "model": "test-large",
            "base_url": model_server.anthropic_url if anthropic else model_server.openai_url,
            "api_key_variable": KEY_VARIABLE,
            "price": Price(1_000_000.0, 2_000_000.0),
        }
        return AgentSpec(**given | fields)

    return make


@pytest.fixture
def spec(make_model_spec: MakeSpec, dialect: ProviderName) -> AgentSpec:
    return make_model_spec(dialect)


@dataclass
class Asked:
    """A gateway whose waits are written down instead of waited, and what came through it."""

    waits: list[float] = field(default_factory=list)
    deltas: list[tuple[str, int]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """Why the agent waited, once for each wait."""
    meter: Meter = field(default_factory=Meter)
    chance: float = 0.0
    now: float = 0.0
    """Seconds waited for so far: what the clocks are ahead by."""

    def __post_init__(self) -> None:
        self.breakers = Breakers(lambda name: Breaker(name, clock=self._clock))
        self.gateway = Gateway(
            breakers=self.breakers,
            policy=RetryPolicy(attempts=3, base_seconds=1.0, longest_seconds=8.0),
            sleep=self._sleep,
            chance=lambda: self.chance,
            clock=self._clock,
        )

    def _clock(self) -> float:
        return time.monotonic() + self.now

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def on_delta(self, text: str, offset: int) -> None:
        self.deltas.append((text, offset))

    @property
    def heard(self) -> str:
        """The turn as a listener has it who starts over at offset 0."""
        text = ""
        for piece, offset in self.deltas:
            text = text[:offset] + piece
        return text

    async def ask(
        self, spec: AgentSpec, call: Call, *, deadline_seconds: float = 60.0
    ) -> tuple[Reply, Completion]:
        return await self.gateway.ask(
            spec,
            call,
            on_delta=self.on_delta,
            deadline_seconds=deadline_seconds,
            meter=self.meter,
            on_wait=lambda error: self.reasons.append(str(error)),
        )


@pytest.fixture
def asked() -> Asked:
    return Asked()
