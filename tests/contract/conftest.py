"""The real client, in both of its forms, against a real server."""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aragora_sdk import AragoraAsyncClient, AragoraClient

from tests.support.processes import Server

TERMINAL = {"completed", "failed", "cancelled"}
PATIENCE_SECONDS = 30.0


class Sdk:
    """Calls `namespace.method` of the client and gives back what it returned."""

    def __init__(self, url: str, *, asynchronous: bool, api_key: str | None = None) -> None:
        self.url = url
        self.asynchronous = asynchronous
        self._runner = asyncio.Runner()
        kind = AragoraAsyncClient if asynchronous else AragoraClient
        self.client: Any = kind(base_url=url, api_key=api_key, max_retries=1)

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        found: Any = self.client
        for name in method.split("."):
            found = getattr(found, name)
        result = found(*args, **kwargs)
        return self._runner.run(_value(result)) if inspect.isawaitable(result) else result

    def items(self, method: str, **kwargs: Any) -> list[Any]:
        """Everything that one of the client's paginators brings."""
        paginator = self(method, **kwargs)
        if self.asynchronous:
            return self._runner.run(_all(paginator))
        return list(paginator)

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Run a coroutine function on the asynchronous client."""
        return self._runner.run(work(self.client))

    def until_over(self, debate_id: str) -> dict[str, Any]:
        """The debate, once it has come to its end."""
        return self.until(debate_id, lambda debate: debate["status"] in TERMINAL)

    def until(self, debate_id: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The debate, once it is as wanted; asked for again and again, as a client would."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            debate: dict[str, Any] = self("debates.get", debate_id)
            if ready(debate):
                return debate
            time.sleep(0.05)
        raise TimeoutError(f"{debate_id} is still {debate['status']}")

    def close(self) -> None:
        closed = self.client.close()
        if inspect.isawaitable(closed):
            self._runner.run(_value(closed))
        self._runner.close()


async def _value(awaitable: Any) -> Any:
    return await awaitable


async def _all(paginator: Any) -> list[Any]:
    return [item async for item in paginator]


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest, server: Server) -> Iterator[Sdk]:
    """The client, anonymous: it can be made without a key."""
    made = Sdk(server.url, asynchronous=request.param == "async")
    yield made
    made.close()


@pytest.fixture(params=["sync", "async"])
def sdk_with_key(request: pytest.FixtureRequest, server: Server) -> Iterator[Sdk]:
    """The client with a key that nobody ever gave out."""
    made = Sdk(server.url, asynchronous=request.param == "async", api_key="ara_wrong")
    yield made
    made.close()
