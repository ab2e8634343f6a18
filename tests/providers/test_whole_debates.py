"""The engine and the gateway together: debates from the question to the verdict, over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from debates.choices import ProviderName
from debates.engine.planner import next_step
from debates.engine.types import (
    Ask,
    Call,
    DecisionMode,
    Document,
    Finish,
    Panelist,
    Phase,
    ProtocolName,
    Setup,
    Spent,
    StopReason,
    Turn,
    Usage,
    Verdict,
)
from debates.mock_llm.server import ModelServer
from debates.providers.base import AgentSpec
from debates.services.agents import MODEL_PERSONAS
from tests.providers.conftest import Asked, MakeSpec


class Table:
    """Specs by agent, and the driver that asks them what the engine wants to know."""

    def __init__(self, asked: Asked, *specs: AgentSpec) -> None:
        self.asked = asked
        self.specs = {spec.name: spec for spec in specs}
        self.turns: list[Turn] = []

    def panelist(self, name: str) -> Panelist:
        spec = self.specs[name]
        return Panelist(name, family=spec.model, persona=spec.persona, max_output_tokens=512)

    async def debate(self, setup: Setup) -> Verdict:
        while True:
            used = sum((turn.usage for turn in self.turns), Usage())
            step = next_step(setup, self.turns, Spent(usage=used))
            if isinstance(step, Finish):
                return step.verdict
            assert isinstance(step, Ask), step
            self.turns += await asyncio.gather(*map(self._turn, step.calls))

    async def _turn(self, call: Call) -> Turn:
        reply, completion = await self.asked.ask(self.specs[call.key.agent], call)
        return Turn(call.key, reply, completion.text, completion.usage, completion.cost_usd)


def setup_of(table: Table, *panel: str, judge: str = "", **fields: object) -> Setup:
    return Setup(
        question="Should the town build the tram?",
        panel=tuple(map(table.panelist, panel)),
        judge=table.panelist(judge) if judge else None,
        documents=(Document(1, "Report", "Towns that built one kept it."),),
        **fields,  # type: ignore[arg-type]
    )


async def test_doubts_give_way_in_the_first_exchange(
    asked: Asked, make_model_spec: MakeSpec, dialect: ProviderName, model_server: ModelServer
) -> None:
    personas = [
        make_model_spec(dialect, name=name, persona=text) for name, text in MODEL_PERSONAS.items()
    ]
    table = Table(asked, *personas)

    verdict = await table.debate(
        setup_of(table, *MODEL_PERSONAS, decision=DecisionMode.MAJORITY, rounds=3)
    )

    assert verdict.reached
    assert verdict.answer == "Yes"
    (flip,) = verdict.flips
    assert (flip.agent, flip.round, flip.reasoned) == ("skeptic", 1, True)
    assert len(model_server.requests) == len(table.turns)


@pytest.mark.parametrize("protocol", ProtocolName)
@pytest.mark.parametrize("mode", [DecisionMode.BORDA, DecisionMode.APPROVAL])
async def test_a_contrary_agent_dissents_to_the_last(
    asked: Asked,
    make_model_spec: MakeSpec,
    model_server: ModelServer,
    protocol: ProtocolName,
    mode: DecisionMode,
) -> None:
    table = Table(
        asked,
        make_model_spec(name="ada"),
        make_model_spec(name="ben", model="test-small"),
        make_model_spec(name="cleo", model="test-contrary"),
    )

    verdict = await table.debate(
        setup_of(table, "ada", "ben", "cleo", protocol=protocol, decision=mode, rounds=3)
    )

    assert verdict.answer == "Yes"
    assert [view.agent for view in verdict.dissenting] == ["cleo"]
    assert verdict.method == mode
    assert any(turn.key.phase is Phase.VOTE for turn in table.turns)


async def test_a_judge_from_outside_selects(
    asked: Asked, make_model_spec: MakeSpec, model_server: ModelServer
) -> None:
    table = Table(
        asked,
        make_model_spec(name="ada"),
        make_model_spec(name="cleo", model="test-contrary"),
        make_model_spec(name="judge"),
    )

    verdict = await table.debate(
        setup_of(table, "ada", "cleo", judge="judge", decision=DecisionMode.JUDGE, rounds=2)
    )

    assert verdict.answer == "Yes"
    assert verdict.order_consistent


async def test_agreement_from_the_start_ends_at_once(
    asked: Asked, make_model_spec: MakeSpec, model_server: ModelServer
) -> None:
    table = Table(asked, make_model_spec(name="ada"), make_model_spec(name="ben"))

    verdict = await table.debate(setup_of(table, "ada", "ben", decision=DecisionMode.MAJORITY))

    assert verdict.stop_reason is StopReason.UNANIMOUS
    assert len(model_server.requests) == 2
