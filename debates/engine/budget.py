"""What calls may cost at most, and whether that still fits.

The cap on tokens and money holds because nothing is asked whose worst case does not fit into what
is left: the prompt, estimated, and every token that the agent is allowed to answer with. That is
one try of each call; an `Allowance` bounds what a call may use over all of its tries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from debates.engine import prompts
from debates.engine.anonymity import MOST_PEERS, letters
from debates.engine.calls import JUDGE_ORDERS
from debates.engine.types import (
    Brief,
    Call,
    CallKey,
    CandidateId,
    Choice,
    Objection,
    Panelist,
    Peer,
    Phase,
    Position,
    Setup,
    Spent,
    Usage,
)

CHARACTERS_PER_TOKEN = 4.0
"""Of English prose, in the tokenizers in common use."""
MARGIN = 1.25
MESSAGE_TOKENS = 16
"""What a chat format adds to a request."""
FORM_TOKENS = 256
"""What the schema of a form adds."""

Worst = tuple[Panelist, Usage]
"""Who is asked, and the most that it can use."""


def estimate_tokens(text: str) -> int:
    """Tokens of `text`, on the high side: characters over four, plus a quarter; a character
    outside ASCII counts for as many tokens as it has bytes beyond the first."""
    wide = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - len(text)
    return math.ceil((len(text) / CHARACTERS_PER_TOKEN + wide) * MARGIN)


def prompt_tokens(call: Call) -> int:
    """The input tokens of `call`, on the high side."""
    prompt = prompts.render(call)
    form = FORM_TOKENS if call.key.phase in (Phase.VOTE, Phase.JUDGE) else 0
    return estimate_tokens(prompt.system) + estimate_tokens(prompt.user) + MESSAGE_TOKENS + form


def worst_case(call: Call, panelist: Panelist) -> Usage:
    """The most that one try of `call` can use. What is not a language model uses no tokens."""
    if not panelist.is_language_model:
        return Usage()
    return Usage(prompt_tokens(call), call.max_output_tokens)


def has_budget(setup: Setup) -> bool:
    return setup.budget_tokens is not None or setup.budget_usd is not None


def fits(setup: Setup, spent: Spent, worst: Iterable[Worst]) -> bool:
    """Whether everything in `worst` can be paid for with what is left."""
    worst = list(worst)
    tokens = spent.usage.total + sum(usage.total for _, usage in worst)
    if setup.budget_tokens is not None and tokens > setup.budget_tokens:
        return False
    cost = math.fsum([spent.cost_usd, *(who.price.cost(usage) for who, usage in worst)])
    return setup.budget_usd is None or cost <= setup.budget_usd


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most that one call may use over all of its tries; None where there is no cap."""

    tokens: int | None = None
    cost_usd: float | None = None

    def covers(self, usage: Usage, cost_usd: float) -> bool:
        """Whether a call may have used so much."""
        return (self.tokens is None or usage.total <= self.tokens) and (
            self.cost_usd is None or cost_usd <= self.cost_usd
        )


def allowances(setup: Setup, spent: Spent, asked: Sequence[Call]) -> dict[CallKey, Allowance]:
    """What each of `asked`, made at the same time, may use: the worst case of one try, and an
    equal part of what then is left. Together they stay within the budget."""
    if not has_budget(setup):
        return dict.fromkeys((call.key for call in asked), Allowance())
    members = {one.name: one for one in (*setup.panel, setup.judge) if one is not None}
    worst = {
        call.key: (members[call.key.agent], worst_case(call, members[call.key.agent]))
        for call in asked
    }
    tokens = {key: usage.total for key, (_, usage) in worst.items()}
    cost = {key: who.price.cost(usage) for key, (who, usage) in worst.items()}
    spare_tokens = spare_usd = None
    if setup.budget_tokens is not None:
        left = setup.budget_tokens - spent.usage.total - sum(tokens.values())
        spare_tokens = max(0, left) // max(1, len(asked))
    if setup.budget_usd is not None:
        money = setup.budget_usd - spent.cost_usd - math.fsum(cost.values())
        spare_usd = max(0.0, money) / max(1, len(asked))
    return {
        call.key: Allowance(
            None if spare_tokens is None else tokens[call.key] + spare_tokens,
            None if spare_usd is None else cost[call.key] + spare_usd,
        )
        for call in asked
    }


# --- Before it is known what will be said ------------------------------------------------------

_QUOTED_TOKENS = MESSAGE_TOKENS
"""Labels and fences around what an agent is shown of another, beyond those counted anyway."""
_LONG_WORDS = 1.25
"""Answers of long words have more characters a token than prose, so they come out higher in
`estimate_tokens` than the tokens that their authors were allowed."""


def most_of_phase(setup: Setup, phase: Phase) -> list[Worst]:
    """The most that all calls of a phase can use, whatever will have been said by then."""
    if phase is Phase.JUDGE:
        who = [setup.judge] * len(JUDGE_ORDERS) if setup.judge else []
    else:
        who = list(setup.panel)
    shown = _most_shown(setup, phase)
    return [
        (one, Usage(most.input_tokens + shown * (most.total > 0), most.output_tokens))
        for one in who
        for most in (worst_case(_bare_call(setup, one, phase), one),)
    ]


def _most_shown(setup: Setup, phase: Phase) -> int:
    """The most tokens of agents' words that one call of a phase can quote."""
    words = sorted((_most_words(panelist) for panelist in setup.panel), reverse=True)
    own = words[0]
    if phase in (Phase.VOTE, Phase.JUDGE):
        return sum(words)
    if phase is Phase.EXCHANGE:
        return own + sum(words[:MOST_PEERS])
    return {Phase.CRITIQUE: own, Phase.REVISE: 2 * own}.get(phase, 0)


def _most_words(panelist: Panelist) -> int:
    """The most that a position of this agent can count for, with what is put around it."""
    return math.ceil(panelist.max_output_tokens * MARGIN * _LONG_WORDS) + _QUOTED_TOKENS


def _bare_call(setup: Setup, panelist: Panelist, phase: Phase) -> Call:
    """A call with everything but agents' words."""
    empty = Position("", "", 0.0)
    choices = len(setup.panel) if phase in (Phase.VOTE, Phase.JUDGE) else 0
    peers = {Phase.EXCHANGE: MOST_PEERS, Phase.CRITIQUE: 1}.get(phase, 0)
    brief = Brief(
        setup.question,
        setup.context,
        setup.documents,
        panelist.persona,
        own=empty if phase in (Phase.EXCHANGE, Phase.REVISE) else None,
        peers=tuple(Peer(letter, "", "") for letter in letters(peers)),
        objections=(Objection((), 0.0, ""),) if phase is Phase.REVISE else (),
        choices=tuple(Choice(letter, CandidateId(""), "", "") for letter in letters(choices)),
    )
    return Call(CallKey(0, phase, panelist.name), brief, panelist.max_output_tokens)
