"""An operator edits agents, and sees whether their keys are there, but never a key."""

import pytest
from django.test import Client
from django.urls import reverse

from debates.models import Agent
from tests.factories import make_agent, make_model_agent, make_user

pytestmark = pytest.mark.django_db

KEY = "sk-never-to-be-shown"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("root", superuser=True))
    return client


def form(agent: Agent | None = None, **changes: object) -> dict[str, object]:
    """What the browser sends for an agent."""
    fields = {
        "name": "luna", "enabled": "on", "provider": "openai_compatible", "model": "gpt-test",
        "base_url": "", "api_key_variable": "", "family": "gpt", "persona": "", "temperature": "",
        "max_output_tokens": "1024", "context_tokens": "8192", "input_price": "",
        "output_price": "", "fallback": "", "rated": "on",
    }  # fmt: skip
    return fields | changes


@pytest.mark.parametrize(("value", "shown"), [(KEY, "set"), ("", "LUNA_API_KEY is not set")])
def test_the_page_says_whether_the_key_is_set(
    client: Client, monkeypatch: pytest.MonkeyPatch, value: str, shown: str
) -> None:
    monkeypatch.setenv("LUNA_API_KEY", value)
    agent = make_model_agent("luna", api_key_variable="LUNA_API_KEY")
    for page in (
        client.get(reverse("admin:debates_agent_changelist")),
        client.get(reverse("admin:debates_agent_change", args=[agent.pk])),
    ):
        assert shown in page.content.decode()
        assert KEY not in page.content.decode()


def test_an_agent_is_added(client: Client) -> None:
    answer = client.post(
        reverse("admin:debates_agent_add"), form(base_url="http://ollama:11434/v1")
    )
    assert answer.status_code == 302, answer.context["errors"]
    assert Agent.objects.get(name="luna").model == "gpt-test"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("api_key_variable", "ARAGORA_SECRET_KEY", "ends in KEY or TOKEN"),
        ("api_key_variable", "DATABASE_URL", "ends in KEY or TOKEN"),
        ("base_url", "https://me:password@models.example/v1", "password out of the address"),
        ("base_url", "models.example", "starts with http"),
        ("name", "Luna Two", "lower-case"),
        ("model", "", "Name the model"),
        ("provider", "extractive", "stand outside the ranking"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_saved(
    client: Client, field: str, value: str, sentence: str
) -> None:
    answer = client.post(reverse("admin:debates_agent_add"), form(**{field: value}))
    assert sentence in answer.content.decode()
    assert not Agent.objects.exists()


def test_a_name_stays(client: Client) -> None:
    agent = make_agent("ada")
    client.post(
        reverse("admin:debates_agent_change", args=[agent.pk]),
        form(name="other", provider="extractive", model="", rated=""),
    )
    agent.refresh_from_db()
    assert (agent.name, agent.family) == ("ada", "gpt")
