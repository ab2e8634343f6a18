"""A budget that does not pay for a first answer of every agent is refused, with what would do; the
estimate says what a debate may use."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from debates.engine.planner import next_step
from debates.engine.types import Ask, Fail, Spent
from debates.exceptions import InvalidInput
from debates.models import Debate
from debates.services.creation import NewDebate, NewDocument, create_debate
from debates.services.estimates import estimate_debate
from debates.services.panels import Roster, build_setup, panelist_of
from tests.factories import make_agent, make_model_agent, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REQUEST = NewDebate("Is the tram worth it?", agents=("luna", "mira"), decision="plurality")


@pytest.fixture(autouse=True)
def agents() -> None:
    make_model_agent("luna", input_price=Decimal(10), output_price=Decimal(30))
    make_model_agent("mira", input_price=Decimal(1), output_price=Decimal(2))
    for name in ("ada", "ben"):
        make_agent(name)


def create(**limits: object) -> Debate:
    return create_debate(request=replace(REQUEST, **limits), owner=make_user(), now=NOW)


def refusal(**limits: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as error:
        create_debate(request=replace(REQUEST, **limits), owner=None, now=NOW)
    assert not Debate.objects.exists()
    return dict(error.value.fields)


def figure(sentence: str) -> Decimal:
    """The amount that the refusal names."""
    words = [word.strip("$:").replace(",", "") for word in sentence.split()]
    return next(Decimal(word) for word in words if word.replace(".", "").isdigit())


def test_what_the_refusal_names_suffices_and_a_little_less_does_not() -> None:
    needed = int(figure(refusal(budget_tokens=10)["budget_tokens"]))
    assert "budget_tokens" in refusal(budget_tokens=needed - 1)
    debate = create(budget_tokens=needed)
    assert isinstance(next_step(build_setup(debate), [], Spent()), Ask)


def test_the_same_in_money() -> None:
    needed = figure(refusal(budget_usd=Decimal("0.0001"))["budget_usd"])
    assert "budget_usd" in refusal(budget_usd=needed - Decimal("0.0001"))
    debate = create(budget_usd=needed)
    assert isinstance(next_step(build_setup(debate), [], Spent()), Ask)


def test_a_smaller_budget_would_have_come_to_nothing() -> None:
    setup = build_setup(create())
    assert isinstance(next_step(replace(setup, budget_tokens=10), [], Spent()), Fail)


def test_both_budgets_are_named_at_once() -> None:
    assert set(refusal(budget_tokens=1, budget_usd=Decimal("0.0001"))) == {
        "budget_tokens",
        "budget_usd",
    }


def test_agents_that_cost_nothing_fit_any_budget() -> None:
    create(agents=("ada", "ben"), budget_tokens=1, budget_usd=Decimal("0.0001"))


def test_a_dear_fallback_counts() -> None:
    luna, mira = (Roster.load().ready([name])[0] for name in ("luna", "mira"))
    mira.fallback = luna
    mira.save()
    spec = Roster.load().snapshot(mira)
    assert spec.price.output_per_million == 2.0
    assert panelist_of(spec).price.output_per_million == 30.0


def test_a_fallback_without_a_price_cannot_be_capped() -> None:
    other = make_model_agent(
        "nova", model="none", base_url="https://n.example/v1", input_price=None, output_price=None
    )
    mira = Roster.load().ready(["mira"])[0]
    mira.fallback = other
    mira.save()
    assert "price of nova" in refusal(budget_usd=Decimal(5))["budget_usd"]


def test_a_context_that_no_model_could_read_is_refused() -> None:
    assert "too long" in refusal(context="word " * 39_000)["context"]


def test_documents_and_budget_are_told_at_once() -> None:
    found = refusal(documents=(NewDocument("", "word " * 39_000),), budget_tokens=5)
    assert set(found) == {"documents", "budget_tokens"}


def test_the_estimate_needs_no_budget_and_writes_nothing() -> None:
    tight = replace(REQUEST, budget_tokens=1, budget_usd=Decimal("0.0001"))
    found = estimate_debate(request=tight, owner=None)
    assert 0 < found.tokens_low < found.tokens_high
    assert 0 < found.cost_low_usd < found.cost_high_usd
    assert set(found.by_agent) == {"luna", "mira"}
    assert not Debate.objects.exists()


def test_more_rounds_and_more_agents_cost_more() -> None:
    short, long = (
        estimate_debate(request=replace(REQUEST, rounds=rounds), owner=None) for rounds in (1, 12)
    )
    assert short.cost_high_usd < long.cost_high_usd
    assert short.cost_low_usd == long.cost_low_usd


def test_extractive_agents_cost_nothing() -> None:
    found = estimate_debate(request=replace(REQUEST, agents=("ada", "ben")), owner=None)
    assert (found.tokens_high, found.cost_high_usd) == (0, 0)


def test_an_estimate_of_what_is_wrong_is_refused_alike() -> None:
    with pytest.raises(InvalidInput) as error:
        estimate_debate(request=replace(REQUEST, rounds=0, agents=("nobody",)), owner=None)
    assert {field for field, _ in error.value.fields} == {"rounds", "agents"}
