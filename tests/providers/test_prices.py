"""What models cost, as far as anybody has published it."""

from __future__ import annotations

import pytest

from debates.choices import ProviderName
from debates.engine.types import Price, Usage
from debates.providers.discovery import ANTHROPIC_MODELS, OPENAI_MODELS
from debates.providers.pricing import context_tokens_of, price_of

OPENAI, ANTHROPIC = ProviderName.OPENAI_COMPATIBLE, ProviderName.ANTHROPIC


@pytest.mark.parametrize(
    ("provider", "model"),
    [(OPENAI, model) for model in OPENAI_MODELS]
    + [(ANTHROPIC, model) for model in ANTHROPIC_MODELS],
)
def test_the_default_models_exist(provider: ProviderName, model: str) -> None:
    price = price_of(provider=provider, model=model)

    assert price is not None
    assert 0 < price.input_per_million < price.output_per_million < 30
    assert (context_tokens_of(provider=provider, model=model) or 0) >= 100_000


def test_a_price_is_for_a_million_tokens() -> None:
    price = price_of(provider=OPENAI, model="gpt-4o-mini")

    assert price == Price(0.15, 0.6)
    assert price.cost(Usage(1_000_000, 1_000_000)) == pytest.approx(0.75)


def test_the_address_tells_whose_price_it_is() -> None:
    groq = price_of(
        provider=OPENAI, model="llama-3.3-70b-versatile", base_url="https://api.groq.com/openai/v1"
    )

    assert groq is not None
    assert groq.input_per_million > 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:11434/v1", "http://localhost:1234/v1", "http://[::1]:8000/v1"]
)
def test_this_machines_own_servers_are_free(url: str) -> None:
    assert price_of(provider=OPENAI, model="gpt-4o-mini", base_url=url) == Price()


def test_what_is_no_language_model_is_free() -> None:
    assert price_of(provider=ProviderName.EXTRACTIVE, model="") == Price()


@pytest.mark.parametrize(
    ("model", "url"),
    [("a-model-of-our-own", ""), ("gpt-4o-mini", "https://models.example.org/v1")],
)
def test_a_price_that_nobody_published_is_unknown_and_not_nought(model: str, url: str) -> None:
    assert price_of(provider=OPENAI, model=model, base_url=url) is None
    assert context_tokens_of(provider=OPENAI, model=model, base_url=url) is None
