"""Circuit breakers: a server that keeps failing is left alone for a while.

Closed, a breaker lets every call through. `threshold` failures in a row open it, and calls are
refused; whoever has the time waits (`rest_left`, then `probed`) and asks again. After
`rest_seconds` one call is let through as a probe: at its first word the breaker closes; if it
fails, a rest of twice the length begins, up to `longest_rest_seconds`.

Only what speaks against the server counts: errors of its own, cut streams, long silence. A
refused key, a rejected request or a rate limit are answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

import structlog

from debates.choices import ProviderName
from debates.providers.base import (
    AgentSpec,
    CircuitOpen,
    Incomplete,
    OutOfRoom,
    ProviderError,
    ServerFailed,
    ServerSilent,
)

log = structlog.get_logger(__name__)

THRESHOLD = 5
REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 60.0


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """Rested; the next call is the probe, or the probe is on its way."""


def speaks_against_server(error: BaseException) -> bool:
    return isinstance(error, ServerFailed | Incomplete | ServerSilent) and not isinstance(
        error, OutOfRoom
    )


class Breaker:
    """One server's breaker. Not locked: it is used within one event loop, and never awaits."""

    def __init__(
        self,
        name: str,
        *,
        threshold: int = THRESHOLD,
        rest_seconds: float = REST_SECONDS,
        longest_rest_seconds: float = LONGEST_REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._threshold = threshold
        self._first_rest = self._rest = rest_seconds
        self._openings = 0
        """Since the last whole answer."""
        self._longest_rest = longest_rest_seconds
        self._clock = clock
        self._failures = 0
        self._cause = ""
        self._opened_at: float | None = None
        self._probing = False
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.rest_left > 0 else BreakerState.HALF_OPEN

    @property
    def is_away(self) -> bool:
        """Whether the server is taken not to answer. One that has rested, and that nobody asks,
        may be well again."""
        return self.state is BreakerState.OPEN or self._probing

    @property
    def rest_left(self) -> float:
        """Seconds until a call may probe the server; nought unless the breaker is open."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._rest - self._clock())

    async def probed(self) -> None:
        """Wait for the result of the probe that is on its way; returns at once without one."""
        if not self._probing:
            return
        result = asyncio.get_running_loop().create_future()
        self._waiting.add(result)
        try:
            await result
        finally:
            self._waiting.discard(result)

    @contextmanager
    def guard(self) -> Iterator[Callable[[], None]]:
        """Wrap a call. Raises `CircuitOpen` in its place; learns from how it ends. A call that is
        cancelled says nothing about the server.

        Gives what to call at the first word of the answer: the probe's lets the others through,
        who would otherwise wait until it has been written to its end."""
        probe = self._admit()

        def heard() -> None:
            if probe and self._probing:
                # What fails next, this very call perhaps, opens it again.
                self._close(failures=self._threshold - 1)

        try:
            yield heard
        except ProviderError as error:
            if speaks_against_server(error):
                self._failed(error, probe=probe)
            else:
                self._answered(probe=probe)
            raise
        else:
            self._answered(probe=probe)
        finally:
            if probe:
                self._end_probe()

    def _admit(self) -> bool:
        """Whether the call is the probe. Raises `CircuitOpen`."""
        state = self.state
        if state is BreakerState.CLOSED:
            return False
        if state is BreakerState.OPEN or self._probing:
            message = f"{self.name} has failed too often and is left alone for a while."
            raise CircuitOpen(f"{self._cause} {message}".strip())
        self._probing = True
        return True

    def _answered(self, *, probe: bool) -> None:
        # An answer to a call from before it opened is no reason to close it: only the probe's is.
        if probe and self._probing:
            self._close()
        if self._opened_at is None:
            self._failures = self._openings = 0

    def _close(self, *, failures: int = 0) -> None:
        log.info("circuit_closed", server=self.name)
        self._failures, self._opened_at = failures, None
        self._end_probe()

    def _failed(self, error: ProviderError, *, probe: bool) -> None:
        self._failures += 1
        failed_probe = probe and self._probing
        if failed_probe or (self._opened_at is None and self._failures >= self._threshold):
            self._rest = min(self._longest_rest, self._first_rest * 2.0 ** min(self._openings, 30))
            self._openings += 1
            self._opened_at, self._cause = self._clock(), str(error)
            log.warning(
                "circuit_opened",
                server=self.name,
                failures=self._failures,
                rest_seconds=self._rest,
                code=error.code,
            )

    def _end_probe(self) -> None:
        self._probing = False
        for result in self._waiting:
            if not result.done():
                result.set_result(None)


class Breakers:
    """The breakers of a process: one for each provider and address, shared by all debates."""

    def __init__(self, make: Callable[[str], Breaker] = Breaker) -> None:
        self._make = make
        self._breakers: dict[tuple[str, str], Breaker] = {}

    def of(self, spec: AgentSpec) -> Breaker:
        key = (spec.provider, spec.base_url)
        if key not in self._breakers:
            self._breakers[key] = self._make(spec.base_url or spec.provider)
        return self._breakers[key]

    def all_open(self) -> list[str]:
        """The servers of language models, when all that were asked are left alone; else none."""
        found = [
            breaker
            for (provider, _), breaker in list(self._breakers.items())
            if provider != ProviderName.EXTRACTIVE
        ]
        return sorted(one.name for one in found) if all(one.is_away for one in found) else []


SHARED = Breakers()
