"""The one way to ask an agent: deadline, retries, repair, fallback and circuit breaking.

`Gateway.ask` wraps every provider alike:

1. A deadline lies around everything, waiting included.
2. What may go better the next time is tried again, after a wait that grows and is spread by
   chance, or after what the server asked for: a bounded number of times where a server took the
   request, which may cost money, and until the deadline where nobody did. A wait that would pass
   the deadline is not begun.
3. Words that cannot be read as an answer are sent back once, with the reason.
4. An agent that fails before its first word is replaced by its fallback, where it has one.
5. A server that keeps failing is left alone for a while (`breaker`), over all debates. Calls
   wait for it to come back as long as their deadline allows; where there is a fallback, that is
   asked instead, and soon.

What all the tries used together is counted, whether the call succeeds, fails or is cancelled.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import cast

import structlog

from debates import metrics
from debates.engine import replies
from debates.engine.types import Call, Phase, Repair, Reply, Usage
from debates.providers import breaker
from debates.providers.base import (
    AgentSpec,
    CircuitOpen,
    Completion,
    Delta,
    Incomplete,
    InvalidReply,
    Provider,
    ProviderError,
    ServerFailed,
    ServerSilent,
    ServerUnreachable,
    TurnTimedOut,
)
from debates.providers.meter import Meter, estimate_usage
from debates.providers.registry import get_provider
from debates.providers.spans import outcome, request_span

log = structlog.get_logger(__name__)

Stream = AsyncGenerator[Delta | Completion, None]
"""As which providers write `stream`: closing it closes the connection."""

OnDelta = Callable[[str, int], None]
"""Takes (text, offset): a piece of the answer and where it starts, in characters. Offset 0 starts
the turn, or starts it over: what came before is void."""

OnWait = Callable[[ProviderError], None]
"""Is told what went wrong, when an agent waits to be asked again."""

STRUCTURED_PHASES = frozenset({Phase.VOTE, Phase.JUDGE})
"""Calls for a form to be filled in; all others are for text."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon to try again."""

    attempts: int = 4
    """Of requests that a server took."""
    base_seconds: float = 1.0
    longest_seconds: float = 10.0
    silence_seconds: float = 30.0
    """A server that says nothing for this long when time runs out is taken to be broken."""

    def wait(self, attempt: int, error: ProviderError, chance: float) -> float:
        """Seconds to wait after the `attempt`-th try, for `chance` in [0, 1). Chance spreads
        callers that failed together over the second half of a wait that doubles each time; they
        never come back before a server's Retry-After."""
        if error.retry_after is not None:
            return error.retry_after + chance * self.base_seconds
        doublings = min(attempt - 1, 30)
        longest = min(self.longest_seconds, self.base_seconds * 2.0**doublings)
        return (1 + chance) * longest / 2


class Gateway:
    """Asks agents. What matters of its state are the breakers, which all gateways of a process
    share; make as many as you like."""

    def __init__(
        self,
        *,
        provider_of: Callable[[str], Provider] = get_provider,
        breakers: breaker.Breakers = breaker.SHARED,
        policy: RetryPolicy = RetryPolicy(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider_of = provider_of
        self._providers: dict[str, Provider] = {}
        self.breakers = breakers
        self.policy = policy
        self.sleep = sleep
        self.chance = chance
        self.clock = clock

    async def ask(
        self,
        spec: AgentSpec,
        call: Call,
        *,
        on_delta: OnDelta,
        deadline_seconds: float,
        meter: Meter | None = None,
        on_wait: OnWait = lambda error: None,
    ) -> tuple[Reply, Completion]:
        """The agent's answer, parsed, and how it came about, with the usage of every try.

        Raises `ProviderError` with the usage in it. When cancelled, closes the connection and
        leaves what was used, estimated where need be, in `meter`."""
        meter = meter or Meter()
        try:
            turn = _Turn(
                self,
                call,
                meter,
                on_delta=on_delta,
                on_wait=on_wait,
                deadline_seconds=deadline_seconds,
            )
            return await turn.ask(spec)
        except ProviderError as error:
            error.usage, error.cost_usd = meter.usage, meter.cost_usd
            error.usage_estimated = meter.estimated
            log.warning(
                "model_call_failed",
                agent=spec.name,
                provider=spec.provider,
                model=spec.model,
                call=str(call.key),
                code=error.code,
            )
            raise

    async def provider(self, name: str) -> Provider:
        """The provider of that name. The first time, its libraries are imported, in a thread: they
        would hold up the event loop for more than a second."""
        if name not in self._providers:
            self._providers[name] = await asyncio.to_thread(self._provider_of, name)
        return self._providers[name]


class _Turn:
    """One `ask`: what its tries have in common."""

    def __init__(
        self,
        gateway: Gateway,
        call: Call,
        meter: Meter,
        *,
        on_delta: OnDelta,
        on_wait: OnWait,
        deadline_seconds: float,
    ) -> None:
        self._gateway = gateway
        self._call = call
        self._on_delta = on_delta
        self._on_wait = on_wait
        self._meter = meter
        self._now = gateway.clock
        self._deadline = self._now() + deadline_seconds
        self._spoken = False
        """Somebody has seen a first word; from then on the agent is not replaced."""

    async def ask(self, spec: AgentSpec) -> tuple[Reply, Completion]:
        """Ask `spec`, or else its fallback, or else the fallback's."""
        # While there is somebody to take its place, an agent has half of the time to begin.
        patience = self._deadline
        if spec.fallback is not None:
            patience = self._now() + max(0.0, self._deadline - self._now()) / 2
        try:
            return await self._ask_until_readable(spec, patience)
        except ProviderError as error:
            if spec.fallback is None or isinstance(error, InvalidReply):
                raise
            if not self._replaceable(self._call, spec):
                raise
            log.info(
                "model_call_fell_back",
                agent=spec.name,
                fallback=spec.fallback.name,
                call=str(self._call.key),
                code=error.code,
            )
        return await self.ask(spec.fallback)

    async def _ask_until_readable(
        self, spec: AgentSpec, patience: float
    ) -> tuple[Reply, Completion]:
        completion = await self._try_until_complete(spec, self._call, patience)
        try:
            reply = replies.parse(self._call, completion.text, completion.data)
        except replies.ReplyError as error:
            log.info("model_reply_sent_back", agent=spec.name, call=str(self._call.key))
            repair = Repair(completion.text, str(error))
            call = replace(self._call, repair=repair)
            if not self._meter.affords(call, spec.price):
                raise InvalidReply(
                    f"The answer cannot be read, and the budget does not pay for another: {error}"
                ) from error
            completion = await self._try_until_complete(spec, call, self._deadline)
            try:
                reply = replies.parse(call, completion.text, completion.data)
            except replies.ReplyError as second:
                raise InvalidReply(f"The answer cannot be read: {second}") from second
        return reply, completion._replace(
            served_by=spec.name,
            usage=self._meter.usage,
            usage_estimated=self._meter.estimated,
            cost_usd=self._meter.cost_usd,
        )

    async def _try_until_complete(self, spec: AgentSpec, call: Call, patience: float) -> Completion:
        policy, circuit = self._gateway.policy, self._gateway.breakers.of(spec)
        attempt = taken = 0
        failure: ProviderError | None = None
        while True:
            until = self._deadline if self._spoken else patience
            try:
                with circuit.guard() as heard:
                    attempt += 1
                    with request_span(spec, call) as trace:
                        completion = await self._try(spec, call, until, heard)
                        trace.tell(outcome(completion))
                    return completion
            except CircuitOpen as error:
                # What went wrong before says more than that nobody is asked any longer.
                await self._wait_for_circuit(circuit, spec, until, failure or error)
                continue
            except TurnTimedOut as error:
                if failure is None:
                    raise
                raise type(error)(f"{error} Before that: {failure}") from None
            except ProviderError as error:
                if not isinstance(error, ServerUnreachable) or self._replaceable(call, spec):
                    taken += 1
                if not error.retryable or taken >= policy.attempts:
                    raise
                if not self._meter.affords(call, spec.price):
                    raise
                wait = policy.wait(attempt, error, self._gateway.chance())
                until = self._deadline if self._spoken else patience
                if self._now() + wait >= until:
                    raise
                failure = error
                log.info(
                    "model_call_retried",
                    agent=spec.name,
                    call=str(call.key),
                    code=error.code,
                    attempt=attempt,
                    wait_seconds=round(wait, 3),
                )
                self._on_wait(error)
            await self._gateway.sleep(wait)

    async def _wait_for_circuit(
        self, circuit: breaker.Breaker, spec: AgentSpec, until: float, error: ProviderError
    ) -> None:
        """Wait until it is worth while to ask again. Raises `error` where that would be too late,
        or where there is somebody else to ask."""
        rest, left = circuit.rest_left, until - self._now()
        if rest >= left or self._replaceable(self._call, spec):
            raise error
        self._on_wait(error)
        if rest > 0:
            log.info("model_call_waits", agent=spec.name, call=str(self._call.key), seconds=rest)
            await self._gateway.sleep(rest)
            return
        try:
            async with asyncio.timeout(left):
                await circuit.probed()
        except TimeoutError:
            raise error from None

    def _replaceable(self, call: Call, spec: AgentSpec) -> bool:
        """Whether the fallback may answer in the agent's place."""
        return (
            spec.fallback is not None
            and not self._spoken
            and self._meter.affords(call, spec.fallback.price)
        )

    async def _try(
        self, spec: AgentSpec, call: Call, until: float, heard: Callable[[], None]
    ) -> Completion:
        """One request. Everything it uses goes to the meter, however it ends."""
        begun, outcome = self._now(), metrics.CANCELLED
        try:
            completion = await self._request(spec, call, until, heard)
            outcome = metrics.OK
            return completion
        except ProviderError as error:
            outcome = error.code
            raise
        finally:
            seconds = self._now() - begun
            metrics.count_request(provider=spec.provider, outcome=outcome, seconds=seconds)

    async def _request(
        self, spec: AgentSpec, call: Call, until: float, heard: Callable[[], None]
    ) -> Completion:
        begun, pieces = self._now(), list[str]()
        provider = await self._gateway.provider(spec.provider)
        try:
            async with asyncio.timeout(until - self._now()) as limit:
                if call.key.phase in STRUCTURED_PHASES:
                    completion = await provider.choose(spec, call)
                else:
                    stream = cast(Stream, provider.stream(spec, call))
                    completion = await self._listen(stream, pieces, limit, heard)
        except ProviderError as error:
            if error.usage.total:
                self._count(spec, error.usage, estimated=error.usage_estimated)
            elif pieces:
                self._count_estimate(spec, call, pieces)
            raise
        except TimeoutError:
            self._count_estimate(spec, call, pieces)
            if not limit.expired():
                raise ServerFailed("The connection timed out.") from None
            waited = self._now() - begun
            if not pieces and waited >= self._gateway.policy.silence_seconds:
                raise ServerSilent(f"No word came for {waited:.0f} s.") from None
            raise TurnTimedOut(f"The turn was not over after {waited:.1f} s.") from None
        except asyncio.CancelledError:
            self._count_estimate(spec, call, pieces)
            raise
        self._count(spec, completion.usage, estimated=completion.usage_estimated)
        return completion

    async def _listen(
        self,
        stream: Stream,
        pieces: list[str],
        limit: asyncio.Timeout,
        heard: Callable[[], None],
    ) -> Completion:
        offset = 0
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, Completion):
                    return item
                heard()
                if not self._spoken:
                    self._spoken = True
                    left = self._deadline - self._now()
                    limit.reschedule(asyncio.get_running_loop().time() + left)
                self._on_delta(item.text, offset)
                pieces.append(item.text)
                offset += len(item.text)
        raise Incomplete("The stream ended without a finish reason.")

    def _count_estimate(self, spec: AgentSpec, call: Call, pieces: list[str]) -> None:
        if spec.is_language_model:
            self._count(spec, estimate_usage(call, "".join(pieces)), estimated=True)

    def _count(self, spec: AgentSpec, usage: Usage, *, estimated: bool) -> None:
        self._meter.add(usage, spec.price, estimated=estimated)
        cost_usd = spec.price.cost(usage)
        metrics.count_usage(provider=spec.provider, usage=usage, cost_usd=cost_usd)
