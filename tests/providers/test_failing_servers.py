"""Every way in which a server can fail, and what is made of it. Over real HTTP, both dialects."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from debates.engine.types import Phase, Usage
from debates.mock_llm.server import Behaviour, Fault, ModelServer, Options
from debates.providers.base import (
    AgentSpec,
    Incomplete,
    KeyRefused,
    OutOfRoom,
    ProviderError,
    RateLimited,
    RequestRejected,
    ServerFailed,
)
from tests.providers.conftest import KEY, KEY_VARIABLE, Asked
from tests.support.calls import make_call

ATTEMPTS = 3


async def failure_of(asked: Asked, spec: AgentSpec, phase: Phase = Phase.DRAFT) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await asked.ask(spec, make_call(phase))
    return caught.value


@pytest.mark.parametrize("phase", [Phase.DRAFT, Phase.VOTE])
@pytest.mark.parametrize(
    "case",
    [
        (Behaviour(status=500), ServerFailed),
        (Behaviour(status=503), ServerFailed),
        (Behaviour(status=529), ServerFailed),
        (Behaviour(status=429), RateLimited),
        (Behaviour(fault=Fault.CUT, after_pieces=0), ServerFailed),
    ],
    ids=["500", "503", "529", "429", "cut"],
)
async def test_what_may_pass_is_tried_again_and_then_told(
    asked: Asked,
    spec: AgentSpec,
    model_server: ModelServer,
    case: tuple[Behaviour, type[ProviderError]],
    phase: Phase,
) -> None:
    behaviour, kind = case
    model_server.script(*[behaviour] * ATTEMPTS)

    error = await failure_of(asked, spec, phase)

    assert type(error) is kind
    assert len(model_server.requests) == ATTEMPTS
    assert len(asked.waits) == ATTEMPTS - 1


@pytest.mark.parametrize("phase", [Phase.DRAFT, Phase.VOTE])
@pytest.mark.parametrize(
    "case",
    [
        (Behaviour(status=401), KeyRefused),
        (Behaviour(status=403), KeyRefused),
        (Behaviour(status=400), RequestRejected),
        (Behaviour(status=404), RequestRejected),
        (Behaviour(status=413), RequestRejected),
        (Behaviour(finish_reason="content_filter"), RequestRejected),
        (Behaviour(finish_reason="length"), OutOfRoom),
    ],
    ids=["401", "403", "400", "404", "413", "declined", "length"],
)
async def test_what_would_not_go_better_is_not_tried_again(
    asked: Asked,
    spec: AgentSpec,
    model_server: ModelServer,
    case: tuple[Behaviour, type[ProviderError]],
    phase: Phase,
) -> None:
    behaviour, kind = case
    model_server.script(behaviour)

    error = await failure_of(asked, spec, phase)

    assert type(error) is kind
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour(fault=Fault.CUT), ServerFailed),
        (Behaviour(fault=Fault.CORRUPT), ServerFailed),
        (Behaviour(finish_reason=None), Incomplete),
        (Behaviour(answer=""), Incomplete),
    ],
    ids=["cut", "corrupt", "no finish reason", "nothing said"],
)
async def test_half_an_answer_is_never_taken_for_a_whole_one(
    asked: Asked,
    spec: AgentSpec,
    model_server: ModelServer,
    behaviour: Behaviour,
    kind: type[ProviderError],
) -> None:
    model_server.script(*[behaviour] * ATTEMPTS)

    error = await failure_of(asked, spec)

    assert type(error) is kind
    assert len(model_server.requests) == ATTEMPTS


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(fault=Fault.CUT),
        Behaviour(fault=Fault.CORRUPT),
        Behaviour(finish_reason=None),
        Behaviour(status=500),
    ],
    ids=["cut", "corrupt", "no finish reason", "500"],
)
async def test_a_turn_that_starts_over_is_heard_once(
    asked: Asked, spec: AgentSpec, model_server: ModelServer, behaviour: Behaviour
) -> None:
    model_server.script(behaviour)

    _, completion = await asked.ask(spec, make_call())

    assert asked.heard == completion.text
    assert asked.deltas[0][1] == 0
    starts = [offset for _, offset in asked.deltas].count(0)
    assert starts == (1 if behaviour.status == 500 else 2)


async def test_tokens_of_tries_that_failed_are_counted(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(fault=Fault.CUT))

    _, completion = await asked.ask(spec, make_call())

    said_of_one = (await asked.ask(spec, make_call()))[1]
    alone = Usage(
        said_of_one.usage.input_tokens - completion.usage.input_tokens,
        said_of_one.usage.output_tokens - completion.usage.output_tokens,
    )
    assert completion.usage_estimated
    assert completion.usage.input_tokens > 1.8 * alone.input_tokens
    assert alone.output_tokens < completion.usage.output_tokens < 2 * alone.output_tokens
    assert completion.cost_usd == pytest.approx(
        completion.usage.input_tokens + 2 * completion.usage.output_tokens
    )


async def test_an_answer_that_is_cut_short_is_paid_for_all_the_same(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(finish_reason="length"))

    error = await failure_of(asked, spec)

    assert error.usage.input_tokens > 100
    assert error.usage.output_tokens > 10
    assert not error.usage_estimated
    assert error.cost_usd == error.usage.input_tokens + 2 * error.usage.output_tokens


async def test_requests_that_were_refused_cost_nothing(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(status=500)] * ATTEMPTS)

    error = await failure_of(asked, spec)

    assert error.usage == Usage()
    assert error.cost_usd == 0


async def test_a_refused_key_is_never_repeated(
    asked: Asked,
    spec: AgentSpec,
    model_server: ModelServer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    model_server.reset(Options(key="another"))

    error = await failure_of(asked, spec)

    assert isinstance(error, KeyRefused)
    assert KEY_VARIABLE in str(error)
    chain = [error, error.__cause__, error.__context__]
    assert not any(KEY in repr(link) for link in chain)
    assert KEY not in "".join(capfd.readouterr())


async def test_a_key_in_a_servers_words_is_struck_out(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(status=400, message=f"Key {KEY} may not use test-large."))

    error = await failure_of(asked, spec)

    assert "may not use test-large" in str(error)
    assert KEY not in str(error)


async def test_a_missing_key_is_told_without_a_request(
    asked: Asked,
    spec: AgentSpec,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)

    error = await failure_of(asked, spec)

    assert isinstance(error, KeyRefused)
    assert str(error) == f"There is no key in {KEY_VARIABLE}."
    assert model_server.requests == []


async def test_an_address_where_nobody_listens_is_named(asked: Asked, spec: AgentSpec) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        error = await failure_of(asked, replace(spec, base_url=address))

    assert isinstance(error, ServerFailed)
    assert str(error) == f"Nothing answers at {address}."
