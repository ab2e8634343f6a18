"""A price that nobody knows is not called no cost."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from debates.models import Debate
from debates.web.figures import describe_cost, describe_cost_range
from tests.factories import make_debate, make_model_agent, make_model_spec
from tests.web.records import hold_debate, hold_first_rounds
from tests.web.test_debate_page import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def unpriced() -> Debate:
    debate = make_debate(panel=[make_model_spec(name) for name in ("ada", "ben", "cleo")])
    debate.panel[1]["price_known"] = False
    debate.save()
    return debate


def test_in_words() -> None:
    assert describe_cost(0) == "no cost"
    assert describe_cost(0, price_known=False) == "price unknown"
    assert describe_cost(0.25, price_known=False) == "at least $0.250"
    assert describe_cost_range(0, 0, price_known=False) == "price unknown"


def test_while_it_runs(client: Client, unpriced: Debate) -> None:
    hold_first_rounds(unpriced)
    assert "Cost price unknown" in read(client, unpriced)
    assert '"price_known": false' in client.get(f"/debates/{unpriced.slug}/").content.decode()


def test_with_the_verdict(client: Client, unpriced: Debate) -> None:
    hold_debate(unpriced)
    text = read(client, unpriced)
    assert "Cost price unknown" in text
    assert "no cost" not in text


def test_of_a_fallback(client: Client) -> None:
    spec = make_model_spec("ada", fallback=make_model_spec("spare"))
    debate = make_debate(panel=[spec, make_model_spec("ben")])
    debate.panel[0]["fallback"]["price_known"] = False
    debate.save()
    assert "Cost price unknown" in read(client, debate)


def test_in_the_estimate(client: Client) -> None:
    for name in ("one", "two"):
        make_model_agent(name, model="nobody-has-priced-this", input_price=None, output_price=None)
    form = {"question": "Tram?", "agents": ["one", "two"], "rounds": "3"}
    answer = client.post("/estimate/", form, headers={"accept": "application/json"})
    assert json.loads(answer.content)["cost"] == "price unknown"
