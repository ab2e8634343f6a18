"""An answer that cannot be read is sent back, once."""

from __future__ import annotations

import pytest

from debates.engine.types import Ballot, Phase, Position
from debates.mock_llm.server import Behaviour, ModelServer, Options
from debates.providers.base import AgentSpec, InvalidReply
from tests.providers.conftest import Asked
from tests.support.calls import make_call

BAD_BALLOT = Behaviour(
    answer={"reason": "It is best.", "ranking": ["Z"], "approved": [], "confidence": 0.5}
)
BAD_DRAFT = Behaviour(answer="I would rather not say.")


async def test_an_invalid_ballot_is_sent_back_with_the_reason(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(BAD_BALLOT)

    reply, _ = await asked.ask(spec, make_call(Phase.VOTE))

    assert isinstance(reply, Ballot)
    _, second = model_server.requests
    (_, (role, sent_back), (_, reason)) = second.messages
    assert role == "assistant"
    assert '"Z"' in sent_back
    assert "no candidate" in reason
    assert "A, B" in reason


async def test_an_invalid_draft_is_sent_back_and_heard_anew(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(BAD_DRAFT)

    reply, completion = await asked.ask(spec, make_call())

    assert isinstance(reply, Position)
    assert asked.heard == completion.text
    assert "ANSWER" in model_server.requests[1].messages[2][1]


async def test_twice_invalid_is_a_failure(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(BAD_BALLOT, BAD_BALLOT)

    with pytest.raises(InvalidReply) as caught:
        await asked.ask(spec, make_call(Phase.VOTE))

    assert len(model_server.requests) == 2
    assert asked.waits == []
    assert caught.value.usage.output_tokens > 20
    assert not caught.value.usage_estimated


async def test_both_answers_are_paid_for(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    _, once = await asked.ask(spec, make_call())
    asked.meter = type(asked.meter)()
    model_server.script(BAD_DRAFT)

    _, twice = await asked.ask(spec, make_call())

    assert twice.usage.input_tokens > 2 * once.usage.input_tokens
    assert twice.usage.output_tokens > once.usage.output_tokens
    assert twice.cost_usd == twice.usage.input_tokens + 2 * twice.usage.output_tokens


async def test_a_ballot_in_unreadable_words_is_put_right_in_words(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.reset(Options(tools="ignore"))
    model_server.script(Behaviour(answer="I vote for the second one."))

    reply, _ = await asked.ask(spec, make_call(Phase.VOTE))

    assert isinstance(reply, Ballot)
    assert not model_server.requests[1].tools
    assert '"enum": ["A", "B"]' in model_server.requests[1].messages[0][1]


async def test_a_malformed_form_is_sent_back(
    asked: Asked, spec: AgentSpec, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(answer={"choice": 12}))

    await asked.ask(spec, make_call(Phase.JUDGE))

    assert len(model_server.requests) == 2
