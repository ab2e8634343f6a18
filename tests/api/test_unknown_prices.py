"""What nobody knows the price of is not shown as free."""

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from debates.management.terminal import make_console, print_outcome
from debates.models import Agent, Debate
from debates.selectors import debate_object
from debates.services.panels import Roster, spec_from_json, spec_to_json
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def unpriced() -> Agent:
    return factories.make_model_agent(
        "mystery",
        model="mystery-9000",
        base_url="https://models.example/v1",
        input_price=None,
        output_price=None,
    )


@pytest.fixture
def debate(unpriced: Agent, anybody: Api) -> Debate:
    factories.make_model_agent("gpt")
    answer = anybody.post(
        "/api/v1/debates", {"task": "Why?", "agents": ["mystery", "gpt"], "autostart": False}
    )
    assert answer.status_code == 201, answer.content
    return Debate.objects.get(pk=answer.json()["debate_id"])


def test_a_snapshot_says_whether_the_price_is_known(unpriced: Agent) -> None:
    spec = Roster.load().snapshot(unpriced)
    assert not spec.price_known
    data = spec_to_json(spec)
    assert not spec_from_json(data).price_known
    del data["price_known"]  # As snapshots were before.
    assert spec_from_json(data).price_known


def test_servers_of_this_machine_are_known_to_be_free(unpriced: Agent) -> None:
    unpriced.base_url = "http://127.0.0.1:11434/v1"
    unpriced.save()
    assert Roster.load().snapshot(unpriced).price_known


def test_the_cost_of_a_debate_is_null(anybody: Api, debate: Debate) -> None:
    factories.make_usage_record(debate, "mystery", input_tokens=100, model="mystery-9000")
    shown = anybody.get(f"/api/v1/debates/{debate.pk}").json()["usage"]
    assert shown["cost_usd"] is None
    assert shown["cost_known"] is False
    costs = anybody.get(f"/api/v1/debates/{debate.pk}/costs").json()
    assert costs["total_cost_usd"] is None
    assert costs["cost_known"] is False
    assert [entry["cost_usd"] for entry in costs["by_agent"]] == [None]
    assert costs["total_tokens"] == 100


def test_a_fallback_without_a_price_counts_too(anybody: Api, unpriced: Agent) -> None:
    priced = factories.make_model_agent("gpt", fallback=unpriced)
    factories.make_model_agent("opus")
    answer = anybody.post(
        "/api/v1/debates", {"task": "Why?", "agents": [priced.name, "opus"], "autostart": False}
    )
    shown = anybody.get(f"/api/v1/debates/{answer.json()['debate_id']}").json()
    assert shown["usage"]["cost_usd"] is None


def test_so_is_the_estimate(anybody: Api, unpriced: Agent) -> None:
    factories.make_model_agent("gpt")
    told: dict[str, Any] = anybody.get(
        "/api/v1/debates/estimate-cost", {"num_agents": 2, "model_types": "gpt,mystery"}
    ).json()
    assert told["cost_low_usd"] is told["cost_high_usd"] is None
    assert told["total_estimated_cost_usd"] is None
    assert told["cost_known"] is False
    assert "The price of mystery is not known" in told["note"]
    gpt, mystery = told["by_agent"]
    assert gpt["cost_high_usd"] > 0
    assert mystery["cost_high_usd"] is None


@pytest.mark.parametrize(("cost", "words"), [("0", "price unknown"), ("0.25", "at least $0.2500")])
def test_the_terminal_says_so(debate: Debate, cost: str, words: str) -> None:
    debate.cost_usd = Decimal(cost)
    out = StringIO()
    print_outcome(make_console(out), dict(debate_object(debate)), {})
    assert words in out.getvalue()
