"""What an agent is asked and answers, over real HTTP, in both dialects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from debates.choices import ProviderName
from debates.engine.positions import candidate_id
from debates.engine.types import Ballot, CritiqueReply, Phase, Position, Revision, Selection, Usage
from debates.mock_llm.server import Behaviour, ModelServer, Options
from debates.mock_llm.wire import usage_of
from debates.providers.base import AgentSpec
from tests.providers.conftest import KEY, Asked, MakeSpec
from tests.support.calls import make_call


async def test_a_draft_is_streamed_and_read(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    reply, completion = await asked.ask(spec, make_call())

    assert isinstance(reply, Position)
    assert reply.answer == "Yes"
    assert reply.confidence == 0.8
    assert asked.heard == completion.text
    assert len(asked.deltas) > 5
    assert [offset for _, offset in asked.deltas][:2] == [0, len(asked.deltas[0][0])]
    assert completion.finish_reason == "stop"
    assert completion.model == "test-large"
    assert completion.served_by == "ada"


async def test_the_server_gets_prompt_model_limit_and_key(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    call = make_call(persona="You are a skeptic.", max_output_tokens=300)
    await asked.ask(replace(spec, temperature=0.3), call)

    (request,) = model_server.requests
    assert "You are a skeptic." in request.system
    assert "Should the town build the tram?" in request.prompt
    assert request.model == "test-large"
    assert request.max_tokens == 300
    assert request.body["temperature"] == 0.3
    assert request.key == KEY
    assert request.stream


async def test_usage_and_cost_are_the_servers(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    _, completion = await asked.ask(spec, make_call())

    (request,) = model_server.requests
    assert completion.usage == Usage(*usage_of(request, completion.text))
    assert not completion.usage_estimated
    assert completion.cost_usd == pytest.approx(
        completion.usage.input_tokens + 2 * completion.usage.output_tokens
    )
    assert asked.meter.usage == completion.usage


async def test_usage_that_the_server_keeps_to_itself_is_estimated(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(report_usage=False))

    _, completion = await asked.ask(spec, make_call())

    assert completion.usage_estimated
    (request,) = model_server.requests
    asked_for, answered = usage_of(request, completion.text)
    assert asked_for <= completion.usage.input_tokens < 1.5 * asked_for
    assert answered <= completion.usage.output_tokens < 1.5 * answered


@pytest.mark.parametrize(
    ("phase", "kind"),
    [
        (Phase.PROPOSE, Position),
        (Phase.EXCHANGE, Revision),
        (Phase.CRITIQUE, CritiqueReply),
        (Phase.REVISE, Revision),
        (Phase.VOTE, Ballot),
        (Phase.JUDGE, Selection),
    ],
)
async def test_every_phase_is_answered(
    asked: Asked, spec: AgentSpec, phase: Phase, kind: type
) -> None:
    reply, _ = await asked.ask(spec, make_call(phase))

    assert isinstance(reply, kind)
    assert not asked.deltas or phase not in {Phase.VOTE, Phase.JUDGE}


async def test_a_ballot_is_a_form_with_the_letters_to_choose_from(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    reply, completion = await asked.ask(spec, make_call(Phase.VOTE))

    assert isinstance(reply, Ballot)
    assert reply.ranking == (candidate_id("Yes"), candidate_id("No"))
    assert completion.data is not None
    (request,) = model_server.requests
    (tool,) = request.tools
    assert tool["schema"]["properties"]["ranking"]["items"]["enum"] == ["A", "B"]


async def test_a_model_that_answers_the_form_in_words_is_asked_in_words_the_next_time(
    asked: Asked, make_model_spec: MakeSpec, dialect: ProviderName, model_server: ModelServer
) -> None:
    spec = make_model_spec(dialect, model="wordy-" + dialect)
    model_server.reset(Options(tools="ignore"))

    first, _ = await asked.ask(spec, make_call(Phase.VOTE))
    second, _ = await asked.ask(spec, make_call(Phase.JUDGE))

    assert isinstance(first, Ballot)
    assert isinstance(second, Selection)
    assert [bool(request.tools) for request in model_server.requests] == [True, False]
    assert '"enum": ["A", "B"]' in model_server.requests[1].prompt


async def test_a_server_that_refuses_tools_is_asked_in_words_at_once(
    asked: Asked, make_model_spec: MakeSpec, dialect: ProviderName, model_server: ModelServer
) -> None:
    spec = make_model_spec(dialect, model="toolless-" + dialect)
    model_server.reset(Options(tools="refuse"))

    reply, _ = await asked.ask(spec, make_call(Phase.VOTE))
    await asked.ask(spec, make_call(Phase.VOTE))

    assert isinstance(reply, Ballot)
    assert [bool(request.tools) for request in model_server.requests] == [True, False, False]
    assert asked.waits == []


async def test_a_server_without_keys_is_asked_without_one(
    asked: Asked, make_model_spec: MakeSpec, dialect: ProviderName, model_server: ModelServer
) -> None:
    await asked.ask(make_model_spec(dialect, api_key_variable=""), make_call())

    assert model_server.requests[0].key == "none"


async def test_connections_are_used_again(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    for _ in range(3):
        await asked.ask(spec, make_call())

    assert len({request.client for request in model_server.requests}) == 1
