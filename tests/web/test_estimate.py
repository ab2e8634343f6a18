"""The estimate, for the script and for a browser without one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from debates.models import Debate
from tests.factories import make_model_agent

FORM = {"question": "Should the town build the tram?", "agents": ["ada", "ben"], "rounds": "3"}


def ask(client: Client, *, accept: str = "application/json", **fields: Any) -> HttpResponse:
    return client.post("/estimate/", FORM | fields, headers={"accept": accept})


@pytest.mark.usefixtures("agents")
def test_extractive_agents_cost_nothing(client: Client) -> None:
    figures = json.loads(ask(client).content)
    assert figures["cost"] == "no cost"
    assert figures["calls"].startswith("2")
    assert not Debate.objects.exists()


def test_priced_models_cost_a_range(client: Client, db: None) -> None:
    make_model_agent("gpt", input_price=10, output_price=50)
    make_model_agent("claude", input_price=10, output_price=50)
    figures = json.loads(ask(client, agents=["gpt", "claude"]).content)
    assert figures["cost"].startswith("$")
    assert "–" in figures["cost"]
    assert "–" in figures["tokens"]


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"question": "x" * 10_001}, "Use at most 10,000 characters; these are 10,001."),
        ({"rounds": "99"}, "Use 1 to 12 rounds."),
        ({"agents": ["ada"]}, "Name at least 2 agents."),
    ],
)
def test_a_form_that_is_not_right_yet_has_a_note_instead(
    client: Client, fields: dict[str, Any], note: str
) -> None:
    answer = json.loads(ask(client, **fields).content)
    assert answer == {"note": note, "settled": []}


@pytest.mark.usefixtures("agents")
def test_without_a_question_yet_there_are_figures_all_the_same(client: Client) -> None:
    assert json.loads(ask(client, question="").content)["cost"] == "no cost"


def test_the_start_page_has_an_estimate_of_what_it_begins_with(client: Client, db: None) -> None:
    make_model_agent("gpt", input_price=10, output_price=50)
    make_model_agent("claude", input_price=10, output_price=50)
    assert "<dd data-estimate-cost>$" in client.get("/").content.decode()


@pytest.mark.usefixtures("agents")
def test_the_budget_is_left_aside(client: Client) -> None:
    assert "calls" in json.loads(ask(client, budget_usd="0.0001").content)


@pytest.mark.usefixtures("agents")
def test_without_a_script_the_page_comes_back_with_the_figures(client: Client) -> None:
    page = ask(client, accept="text/html,*/*;q=0.8").content.decode()
    assert "no cost" in page
    assert FORM["question"] in page


@pytest.mark.usefixtures("agents")
def test_a_page_that_comes_back_with_a_fault_says_it_without_alarm(client: Client) -> None:
    page = ask(client, accept="text/html", rounds="99").content.decode()
    assert "Use 1 to 12 rounds." in page
    assert 'value="99"' in page
