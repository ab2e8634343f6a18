"""Who can be asked, and who cannot, and why."""

import re

import pytest
from django.test import Client

from tests.factories import make_agent, make_model_agent

pytestmark = pytest.mark.django_db


def read(client: Client) -> str:
    return client.get("/agents/").content.decode()


def test_agents_stand_by_kind(client: Client) -> None:
    make_agent("ada", persona="The advocate.")
    make_model_agent("gpt", family="gpt", model="gpt-6-mini")
    page = read(client)
    assert "Extractive (not a language model)" in page
    assert "The advocate." in page
    assert "gpt-6-mini" in page
    assert page.count("Can be asked") >= 2
    assert page.index("gpt-6-mini") < page.index("Extractive (not a language model)")
    assert "No language model is connected yet" not in page


def test_a_model_is_named_where_the_agent_has_another_name(client: Client) -> None:
    make_agent("ada")
    make_model_agent("gpt-6-mini", family="gpt", model="gpt-6-mini")
    make_model_agent("careful", family="gpt", model="gpt-6-maxi")
    form = client.get("/").content.decode()
    for page in (read(client), form):
        main = re.sub(r"<[^>]+>", " ", page[page.index("<main") : page.index("</main>")])
        assert main.count("gpt-6-mini") == 1
        assert main.count("gpt-6-maxi") == 1
        assert main.lower().count("family gpt") == 2


def test_a_missing_key_is_named_and_never_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model_agent("gpt", api_key_variable="ONE_KEY")
    make_model_agent("claude", api_key_variable="OTHER_KEY")
    monkeypatch.delenv("ONE_KEY", raising=False)
    monkeypatch.setenv("OTHER_KEY", "sk-secret-value")
    page = read(client)
    assert "set ONE_KEY" in page
    assert "sk-secret-value" not in page


def test_a_disabled_agent_is_not_shown(client: Client) -> None:
    make_agent("retired", enabled=False)
    assert "retired" not in read(client)


def test_without_agents_it_tells_what_to_do(client: Client) -> None:
    page = read(client)
    assert "There is no agent yet." in page
    assert "manage.py setup_agents" in page
