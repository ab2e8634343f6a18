"""The interface of a provider, and the errors that all of them speak.

A provider turns a `Call` into words. It knows nothing of debates, rows or events; retries,
fallback, deadlines and circuit breaking are in `gateway`, around every provider alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from debates.engine.types import Call, Price, Usage


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as it was when the panel was chosen: the immutable snapshot stored with a debate."""

    name: str
    provider: str
    """A `choices.ProviderName` value."""
    model: str = ""
    base_url: str = ""
    """Empty for the provider's own address."""
    api_key_variable: str = ""
    """The environment variable that holds the key; a key itself is never stored."""
    family: str = ""
    persona: str = ""
    temperature: float | None = None
    max_output_tokens: int = 1024
    context_tokens: int = 8192
    price: Price = Price()
    price_known: bool = True
    """False: nobody has said what it costs, and `price` is nought for want of a figure."""
    is_language_model: bool = True
    rated: bool = True
    fallback: AgentSpec | None = None
    """Asked instead when this agent fails before its first token."""


class Delta(NamedTuple):
    """A piece of text as it arrives."""

    text: str


class Completion(NamedTuple):
    """A finished call; the last item of every stream."""

    text: str
    usage: Usage
    finish_reason: str
    """"stop" for a complete answer; anything else is turned into an error by the provider."""
    model: str = ""
    """What the server says answered."""
    data: Mapping[str, Any] | None = None
    """The structured reply, for VOTE and JUDGE calls: `engine.replies.BallotForm` as a mapping."""
    usage_estimated: bool = False
    """The server did not say what the call used; counted from the text."""
    served_by: str = ""
    """The spec that answered: the agent's own name, or its fallback's. Set by the gateway."""
    cost_usd: float = 0.0
    """Set by the gateway, which also adds the usage and cost of the tries that failed before."""


@dataclass(frozen=True, slots=True)
class Reachability:
    """Whether an agent can be asked now, for `manage.py agents` and the agents page."""

    reachable: bool
    detail: str
    """One sentence without secrets: "answers", "no key in OPENAI_API_KEY", "refused the key" …"""
    models: tuple[str, ...] = field(default=())


class Provider(Protocol):
    """One kind of model server."""

    def stream(self, spec: AgentSpec, call: Call) -> AsyncIterator[Delta | Completion]:
        """Answer a call for text: deltas, then exactly one `Completion`.

        Raises `ProviderError`; closing the iterator stops the spending at once."""
        ...

    async def choose(self, spec: AgentSpec, call: Call) -> Completion:
        """Answer a VOTE or JUDGE call; `Completion.data` holds the structured reply."""
        ...

    async def check(self, spec: AgentSpec) -> Reachability:
        """Ask without spending; never raises."""
        ...


class ProviderError(Exception):
    """A call failed. `code` goes into the log and the agent_error event, `str()` to people."""

    code = "provider_error"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        usage: Usage = Usage(),  # noqa: B008 (immutable)
        usage_estimated: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait before asking again, where the server said so."""
        self.usage = usage
        """What the failed call used all the same. From a provider: the one request. From the
        gateway: every request of the call."""
        self.usage_estimated = usage_estimated
        self.cost_usd = 0.0
        """US dollars for `usage`; set by the gateway."""


class RateLimited(ProviderError):
    """429."""

    code = "rate_limited"
    retryable = True


class ServerFailed(ProviderError):
    """5xx, a refused or cut connection, a corrupt chunk."""

    code = "server_failed"
    retryable = True


class ServerUnreachable(ServerFailed):
    """Nobody took the request, so that it cost nothing: it may be made again and again."""


class Incomplete(ProviderError):
    """The stream ended without a finish reason."""

    code = "incomplete"
    retryable = True


class OutOfRoom(Incomplete):
    """The answer hit the limit of output tokens ("length"). The same call with the same limit
    would most likely end there again, and be paid for again, so it is not repeated."""

    retryable = False


class TurnTimedOut(ProviderError):
    """The turn's deadline passed."""

    code = "timed_out"


class ServerSilent(TurnTimedOut):
    """The deadline passed, and the server had not said a word for long before that."""


class KeyRefused(ProviderError):
    """401 or 403, or no key at all."""

    code = "key_refused"


class RequestRejected(ProviderError):
    """Any other 4xx: asking again will not help."""

    code = "request_rejected"


class InvalidReply(ProviderError):
    """The words came, but not in the form that was asked for, even on the second try."""

    code = "invalid_reply"


class CircuitOpen(ProviderError):
    """The provider has failed too often; it is left alone for a while."""

    code = "circuit_open"
