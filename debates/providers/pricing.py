"""What models cost and hold, from the published lists in `genai-prices`.

The list is imported when first asked: it takes a quarter of a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from debates.engine.types import Price
from debates.providers.addresses import base_url_of, is_loopback

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

SAMPLE_TOKENS = 1000
"""The price of a million is taken from that of a thousand: some models cost more a token in very
long requests, which a debate's are not."""

FREE = Price()


@lru_cache(maxsize=1024)
def price_of(*, provider: str, model: str, base_url: str = "") -> Price | None:
    """US dollars for a million tokens; None where nobody has published a price.

    Nought on this machine's own servers, and for what is not a language model."""
    address = base_url_of(provider, base_url)
    if not address or is_loopback(address):
        return FREE
    from genai_prices import Usage, calc_price

    sample = Usage(input_tokens=SAMPLE_TOKENS, output_tokens=SAMPLE_TOKENS)
    try:
        cost = calc_price(sample, model, provider_api_url=address)
    except LookupError:
        return None
    to_million = 1_000_000 / SAMPLE_TOKENS
    return Price(float(cost.input_price) * to_million, float(cost.output_price) * to_million)


@lru_cache(maxsize=1024)
def context_tokens_of(*, provider: str, model: str, base_url: str = "") -> int | None:
    """How many tokens the model reads at most; None where that is not published."""
    info = _published(base_url_of(provider, base_url), model)
    return info.context_window if info else None


def _published(address: str, model: str) -> ModelInfo | None:
    if not address or is_loopback(address):
        return None
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, info = get_snapshot().find_provider_model(model, None, None, address)
    except LookupError:
        return None
    return info
