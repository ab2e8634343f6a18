"""A debate that cannot be is refused with every wrong field, and nothing is written."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pytest_django import Settings

from debates.exceptions import InvalidInput
from debates.models import Agent, Debate, DebateEvent, Document
from debates.services.creation import NewDebate, NewDocument, create_debate
from tests.factories import make_agent, make_model_agent, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GOOD = NewDebate("Is the tram worth it?", agents=("ada", "ben"))
NESTED: list[object] = []
for _ in range(3000):
    NESTED = [NESTED]


@pytest.fixture(autouse=True)
def agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUNA_API_KEY", raising=False)
    for number in range(11):
        make_agent(f"agent-{number}")
    for name in ("ada", "ben"):
        make_agent(name)
    make_agent("gone", enabled=False)
    make_model_agent("luna", api_key_variable="LUNA_API_KEY")
    make_model_agent("mira", input_price=None, output_price=None, base_url="https://m.example/v1")


def wrong_fields(request: NewDebate, *, signed_in: bool = False) -> dict[str, str]:
    """Field → sentence of the refusal."""
    with pytest.raises(InvalidInput) as refusal:
        create_debate(request=request, owner=make_user() if signed_in else None, now=NOW)
    assert not Debate.objects.exists()
    assert not DebateEvent.objects.exists()
    assert not Document.objects.exists()
    assert str(refusal.value)
    return dict(refusal.value.fields)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("question", "", "Ask a question"),
        ("question", " \n ", "Ask a question"),
        ("question", "a" * 10_001, "at most 10,000 characters; these are 10,001"),
        ("question", "a\0b", "no text"),
        ("question", "a\ud800b", "no text"),
        ("context", "a\0b", "no text"),
        ("agents", ("ada", "nobody"), "no agent “nobody”"),
        ("agents", ("ada", "gone"), "“gone” is disabled"),
        ("agents", ("ada", "luna"), "“luna” has no key: set LUNA_API_KEY"),
        ("agents", ("ada", "ada"), "each agent once"),
        ("agents", ("ada", "Ada "), "each agent once"),
        ("agents", ("ada",), "at least 2 agents"),
        ("agents", tuple(f"agent-{number}" for number in range(11)), "at most 10 agents"),
        ("agents", ("ada", "x\0\ud800"), "no agent"),
        ("rounds", 0, "1 to 12"),
        ("rounds", 13, "1 to 12"),
        ("protocol", "shouting", "adaptive, classic"),
        ("decision", "dice", "plurality"),
        ("budget_usd", Decimal(0), "from 0.0001"),
        ("budget_usd", Decimal(-1), "from 0.0001"),
        ("budget_usd", Decimal("0.00009"), "from 0.0001"),
        ("budget_usd", Decimal("NaN"), "from 0.0001"),
        ("budget_usd", Decimal("sNaN"), "from 0.0001"),
        ("budget_usd", Decimal("Infinity"), "from 0.0001"),
        ("budget_usd", Decimal("1e9"), "999999.9999"),
        ("budget_tokens", 0, "1 to"),
        ("budget_tokens", -5, "1 to"),
        ("budget_tokens", 10**13, "1 to"),
        ("deadline_seconds", 0, "1 to 86,400"),
        ("seed", -1, "from 0"),
        ("seed", 2**53, "from 0"),
        ("visibility", "secret", "public, workspace, private"),
        ("visibility", "private", "Sign in"),
        ("title", "a" * 201, "at most 200"),
        ("domain", "a" * 65, "at most 64"),
        ("tags", tuple(map(str, range(21))), "at most 20 tags"),
        ("tags", ("a" * 51,), "at most 50"),
        ("tags", ("a\0",), "no text"),
        ("metadata", {"when": NOW}, "JSON object"),
        ("metadata", {"x": float("nan")}, "JSON object"),
        ("metadata", {"x": NESTED}, "JSON object"),
        ("metadata", {"x": "a\0"}, "no text"),
        ("metadata", {"x\ud800": 1}, "no text"),
        ("metadata", {"x": "a" * 20_000}, "at most 16,384 bytes"),
        ("metadata", ["x"], "JSON object"),
        ("documents", (NewDocument("", " "),), "Document 1 is empty"),
        ("documents", (NewDocument("", "a\0"),), "Document 1"),
        ("documents", (NewDocument("a" * 201, "a"),), "at most 200"),
        ("documents", (NewDocument("", "a", "s" * 301),), "at most 300"),
        ("documents", (NewDocument("", "a"),) * 51, "at most 50 documents"),
        ("judge", "nobody", "no agent “nobody”"),
        ("judge", "gone", "disabled"),
        ("judge", "ada", "outside the panel"),
    ],
)
def test_one_wrong_field_is_named(field: str, value: object, sentence: str) -> None:
    found = wrong_fields(replace(GOOD, **{field: value}))
    assert list(found) == [field]
    assert sentence in found[field]


def test_all_wrong_fields_are_named_at_once() -> None:
    found = wrong_fields(
        NewDebate(
            question="",
            documents=(NewDocument("", ""),),
            agents=("ada",),
            protocol="shouting",
            decision="dice",
            rounds=0,
            budget_usd=Decimal(0),
            budget_tokens=0,
            deadline_seconds=-1,
            visibility="private",
            title="a" * 201,
            tags=("a" * 51,),
            metadata={"x": float("inf")},
        )
    )
    assert set(found) == {
        "question", "documents", "agents", "protocol", "decision", "rounds", "budget_usd",
        "budget_tokens", "deadline_seconds", "visibility", "title", "tags", "metadata",
    }  # fmt: skip


def test_a_judge_is_named_only_where_one_is_asked() -> None:
    found = wrong_fields(replace(GOOD, judge="agent-1", decision="plurality"))
    assert "judge or auto" in found["judge"]


def test_a_budget_in_money_needs_prices() -> None:
    found = wrong_fields(replace(GOOD, agents=("ada", "mira"), budget_usd=Decimal(1)))
    assert "price of mira is not known" in found["budget_usd"]


def test_the_largest_panel_is_the_operators_choice(settings: Settings) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, max_agents_per_debate=2)
    assert "at most 2" in wrong_fields(replace(GOOD, agents=("ada", "ben", "agent-1")))["agents"]


def test_a_default_panel_needs_two_agents() -> None:
    Agent.objects.exclude(name="ada").delete()
    assert "at least two agents" in wrong_fields(replace(GOOD, agents=()))["agents"]
