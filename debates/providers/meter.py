"""Counting what a call uses, over all of its tries."""

from __future__ import annotations

from dataclasses import dataclass

from debates.engine.budget import Allowance, estimate_tokens, prompt_tokens
from debates.engine.types import Call, Price, Usage


@dataclass(slots=True)
class Meter:
    """Adds up the requests of one call. Hand one to `Gateway.ask` to know what was used also
    when the call is cancelled."""

    usage: Usage = Usage()
    cost_usd: float = 0.0
    estimated: bool = False
    """Some of it was counted from the text, because a server did not say."""
    allowance: Allowance = Allowance()

    def affords(self, call: Call, price: Price) -> bool:
        """Whether one more try of `call` stays within the allowance, whatever it uses. The first
        try always does: it was reckoned with before the call was made."""
        if not self.usage.total:
            return True
        worst = estimate_usage(call, "") + Usage(0, call.max_output_tokens)
        return self.allowance.covers(self.usage + worst, self.cost_usd + price.cost(worst))

    def add(self, usage: Usage, price: Price, *, estimated: bool = False) -> None:
        self.usage += usage
        self.cost_usd += price.cost(usage)
        self.estimated = self.estimated or (estimated and usage.total > 0)


def estimate_usage(call: Call, text: str) -> Usage:
    """What a request for `call` used that got as far as `text`, where the server does not say.
    On the high side, as all that is reckoned against a budget."""
    asked = prompt_tokens(call)
    if call.repair is not None:
        asked += estimate_tokens(call.repair.text) + estimate_tokens(call.repair.error)
    return Usage(asked, estimate_tokens(text))
