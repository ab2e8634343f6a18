"""The agents that are there without anybody having made them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from debates.choices import ProviderName
from debates.models import Agent
from debates.providers.discovery import ModelServer
from debates.providers.extractive.personas import DEFAULT_PERSONAS
from debates.providers.model_lists import ListedModel
from debates.services.agents import MODEL_PERSONAS, THINKING_OUTPUT_TOKENS, ensure_default_agents
from debates.services.panels import default_panel

pytestmark = pytest.mark.django_db

OLLAMA = ModelServer(
    "Ollama",
    ProviderName.OPENAI_COMPATIBLE.value,
    models=(ListedModel("llama3.2:3b"),),
    base_url="http://127.0.0.1:11434/v1",
)
OPENAI = ModelServer(
    "OpenAI",
    ProviderName.OPENAI_COMPATIBLE.value,
    models=(ListedModel("gpt-6.1-terra"), ListedModel("gpt-6-luna")),
    api_key_variable="OPENAI_API_KEY",
)
ANTHROPIC = ModelServer(
    "Anthropic",
    ProviderName.ANTHROPIC.value,
    models=(ListedModel("claude-haiku-5-5"),),
    api_key_variable="ANTHROPIC_API_KEY",
)


def model_agents() -> dict[str, Agent]:
    agents = Agent.objects.exclude(provider=ProviderName.EXTRACTIVE)
    return {agent.name: agent for agent in agents}


def test_the_extractive_agents_are_always_made() -> None:
    made = ensure_default_agents()

    assert [agent.name for agent in made] == [persona.agent for persona in DEFAULT_PERSONAS]
    assert all(not agent.rated for agent in made)
    assert Agent.objects.count() == len(DEFAULT_PERSONAS)


def test_a_second_time_makes_nothing() -> None:
    ensure_default_agents(found=(OLLAMA, OPENAI))
    assert ensure_default_agents(found=(OLLAMA, OPENAI)) == ()


def test_a_model_that_comes_alone_gets_a_panel_of_its_own() -> None:
    ensure_default_agents(found=(OLLAMA,))

    agents = model_agents()
    assert list(agents) == [f"llama3.2-3b-{persona}" for persona in sorted(MODEL_PERSONAS)]
    assert {agent.family for agent in agents.values()} == {"llama"}
    assert len({agent.persona for agent in agents.values()}) == 3
    assert len(default_panel(agents.values())) == 3


def test_models_enough_sit_on_the_panel_as_themselves() -> None:
    ensure_default_agents(found=(OPENAI, ANTHROPIC))

    agents = model_agents()
    assert list(agents) == ["claude-haiku-5-5", "gpt-6-luna", "gpt-6.1-terra"]
    assert {agent.persona for agent in agents.values()} == {""}


def test_a_row_says_how_to_ask() -> None:
    ensure_default_agents(found=(OPENAI, ANTHROPIC, OLLAMA))

    local = Agent.objects.get(name="llama3.2-3b")
    assert local.base_url == "http://127.0.0.1:11434/v1"
    assert local.api_key_variable == ""
    assert local.context_tokens == 4096
    assert local.max_output_tokens == 1024
    remote = Agent.objects.get(name="gpt-6-luna")
    assert remote.base_url == ""
    assert remote.api_key_variable == "OPENAI_API_KEY"
    assert remote.context_tokens > 100_000
    assert remote.max_output_tokens == THINKING_OUTPUT_TOKENS
    assert remote.input_price is None


def test_what_a_server_says_of_its_context_is_believed() -> None:
    server = replace(OLLAMA, models=(ListedModel("qwen2.5:7b", context_tokens=32_768),))

    ensure_default_agents(found=(server,))

    assert Agent.objects.get(name="qwen2.5-7b-analyst").context_tokens == 32_768


def test_an_operators_edits_stay() -> None:
    ensure_default_agents(found=(OLLAMA,))
    Agent.objects.filter(name="llama3.2-3b-skeptic").update(persona="Be brief.", enabled=False)
    Agent.objects.filter(name="llama3.2-3b-analyst").delete()
    Agent.objects.filter(name=DEFAULT_PERSONAS[0].agent).update(enabled=False)

    assert ensure_default_agents(found=(OLLAMA,)) == ()

    skeptic = Agent.objects.get(name="llama3.2-3b-skeptic")
    assert (skeptic.persona, skeptic.enabled) == ("Be brief.", False)
    assert not Agent.objects.get(name=DEFAULT_PERSONAS[0].agent).enabled


def test_a_model_found_later_joins() -> None:
    ensure_default_agents(found=(OLLAMA,))

    made = ensure_default_agents(found=(OLLAMA, OPENAI))

    assert [agent.name for agent in made] == ["gpt-6.1-terra", "gpt-6-luna"]


def test_one_model_on_two_servers_is_two_agents() -> None:
    studio = replace(OLLAMA, name="LM Studio", base_url="http://127.0.0.1:1234/v1")

    ensure_default_agents(found=(OPENAI, OLLAMA, studio))

    assert {"llama3.2-3b", "llama3.2-3b-2"} <= set(model_agents())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct-analyst"),
        ("/home/models/Phi 3.GGUF", "phi-3-analyst"),
        ("x" * 100, "x" * 56 + "-analyst"),
        ("模型", "model-analyst"),
    ],
)
def test_any_models_name_makes_an_agents(model: str, name: str) -> None:
    ensure_default_agents(found=(replace(OLLAMA, models=(ListedModel(model),)),))

    assert Agent.objects.get(name=name).model == model


def test_a_name_that_no_row_can_hold_is_passed_over() -> None:
    models = (ListedModel("x" * 200), ListedModel("qwen2.5:7b"))

    ensure_default_agents(found=(replace(OLLAMA, models=models),))

    assert {agent.model for agent in model_agents().values()} == {"qwen2.5:7b"}
