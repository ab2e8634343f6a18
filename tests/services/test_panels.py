"""Who sits on a panel when nobody is named, who judges, and how a panel is kept."""

from decimal import Decimal

import pytest

from debates.engine.types import Price
from debates.models import Agent
from debates.providers.base import AgentSpec
from debates.services.panels import (
    Roster,
    choose_judge,
    default_panel,
    price_of,
    spec_from_json,
    spec_to_json,
)
from tests.factories import make_agent, make_model_agent

pytestmark = pytest.mark.django_db


def names(agents: tuple[Agent, ...]) -> list[str]:
    return [agent.name for agent in agents]


def panel() -> list[str]:
    return names(default_panel(Roster.load().ready()))


@pytest.fixture(autouse=True)
def extractive() -> None:
    for name in ("ada", "ben", "cleo", "dora"):
        make_agent(name)


def test_without_language_models_the_extractive_agents_sit() -> None:
    assert panel() == ["ada", "ben", "cleo"]


def test_one_language_model_is_no_panel_and_is_not_mixed_in() -> None:
    make_model_agent("luna")
    assert panel() == ["ada", "ben", "cleo"]


def test_language_models_come_first_and_alone() -> None:
    make_model_agent("luna")
    make_model_agent("mira")
    assert panel() == ["luna", "mira"]


def test_families_come_before_names() -> None:
    for name in ("a1", "a2", "a3", "a4"):
        make_model_agent(name, family="gpt")
    make_model_agent("z", family="claude")
    assert panel() == ["a1", "a2", "z"]
    make_model_agent("y", family="llama")
    assert panel() == ["a1", "y", "z"]


def test_who_has_no_key_or_is_disabled_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_API_KEY", "k")
    monkeypatch.setenv("MIRA_API_KEY", "  ")
    monkeypatch.delenv("NOVA_API_KEY", raising=False)
    for name in ("luna", "mira", "nova"):
        make_model_agent(name, api_key_variable=f"{name.upper()}_API_KEY")
    make_model_agent("free")
    make_model_agent("gone", enabled=False)
    assert panel() == ["free", "luna"]


def test_different_models_come_before_personas_of_one() -> None:
    for persona in ("analyst", "pragmatist", "skeptic"):
        make_model_agent(f"a-{persona}", model="a", family="gpt")
        make_model_agent(f"b-{persona}", model="b", family="gpt")
    chosen = [agent.name for agent in default_panel(Roster.load().ready())]
    assert chosen == ["a-analyst", "a-pragmatist", "b-analyst"]
    for persona in ("analyst", "skeptic"):
        make_model_agent(f"c-{persona}", model="c", family="gpt")
    chosen = [agent.name for agent in default_panel(Roster.load().ready())]
    assert chosen == ["a-analyst", "b-analyst", "c-analyst"]
    make_model_agent("z", model="z", family="llama")
    chosen = [agent.name for agent in default_panel(Roster.load().ready())]
    assert chosen == ["a-analyst", "b-analyst", "z"]


def test_the_judge_is_from_another_family_where_there_is_one() -> None:
    sitting = [make_model_agent("a", family="gpt"), make_model_agent("b", family="llama")]
    make_model_agent("c", family="gpt")
    everybody = Agent.objects.all()
    assert choose_judge(sitting, everybody).name == "c"
    make_model_agent("z", family="claude")
    assert choose_judge(sitting, everybody.all()).name == "z"


def test_a_judge_is_of_the_panels_kind() -> None:
    models = [make_model_agent("a"), make_model_agent("b")]
    everybody = list(Agent.objects.all())
    assert choose_judge(models, everybody) is None
    extractive = [agent for agent in everybody if agent.name in ("ada", "ben", "cleo")]
    assert choose_judge(extractive, everybody).name == "dora"


def test_a_snapshot_says_what_the_row_says() -> None:
    agent = make_model_agent(
        "luna",
        persona="Careful.",
        temperature=0.5,
        max_output_tokens=99,
        context_tokens=5000,
        base_url="http://127.0.0.1:1/v1",
        api_key_variable="LUNA_API_KEY",
        input_price=Decimal("0.25"),
        output_price=Decimal(2),
    )
    assert Roster.load().snapshot(agent) == AgentSpec(
        name="luna",
        provider="openai_compatible",
        model="gpt-test",
        base_url="http://127.0.0.1:1/v1",
        api_key_variable="LUNA_API_KEY",
        family="gpt",
        persona="Careful.",
        temperature=0.5,
        max_output_tokens=99,
        context_tokens=5000,
        price=Price(0.25, 2.0),
        is_language_model=True,
        rated=True,
    )


def test_fallbacks_are_kept_without_going_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOVA_API_KEY", raising=False)
    a, b, c = (make_model_agent(name) for name in "abc")
    nova = make_model_agent("nova", api_key_variable="NOVA_API_KEY")
    for agent, fallback in ((a, b), (b, c), (c, a), (nova, a)):
        agent.fallback = fallback
        agent.save()
    spec = Roster.load().snapshot(a)
    assert spec.fallback.name == "b"
    assert spec.fallback.fallback.name == "c"
    assert spec.fallback.fallback.fallback is None
    c.fallback = nova
    c.save()
    assert Roster.load().snapshot(c).fallback is None


def test_a_snapshot_survives_the_database_whole() -> None:
    a, b = make_model_agent("a", temperature=0.1), make_model_agent("b")
    a.fallback = b
    a.save()
    spec = Roster.load().snapshot(a)
    assert spec_from_json(spec_to_json(spec)) == spec


def test_half_a_price_is_completed_from_the_published_one() -> None:
    agent = make_model_agent(model="gpt-4o-mini", input_price=Decimal(7), output_price=None)
    price = price_of(agent)
    assert price.input_per_million == 7.0
    assert price.output_per_million == pytest.approx(0.6)


def test_a_price_that_nobody_published_is_unknown() -> None:
    agent = make_model_agent(
        model="no-such", base_url="https://m.example/v1", input_price=None, output_price=None
    )
    assert price_of(agent) is None
