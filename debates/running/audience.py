"""What the audience suggested, on its way to the agents.

An exchange is shown the suggestions that wait, oldest first, as many as it has room for. Which
these were is written down when it begins, so a worker that takes the debate up shows the same to
those who have not answered yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from aragora_site.tenancy.scopes import act_for
from debates.engine.budget import prompt_tokens
from debates.engine.types import Ask, Call, Phase, Step
from debates.models import Suggestion
from debates.providers.base import AgentSpec
from debates.services.panels import chain_of

MAX_OFFERED = 5
"""To one exchange."""
HEARING = frozenset({Phase.EXCHANGE, Phase.REVISE})
"""The phases in which agents are shown suggestions: they have a position and may change it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A suggestion to be shown."""

    number: int
    text: str


def read_suggestions(
    debate_id: UUID, *, tenant: UUID | None, offered_in_round: int | None
) -> list[Waiting]:
    """Those that a round was offered, or, for None, the oldest that none was. One query."""
    with act_for(tenant):
        rows = Suggestion.objects.filter(debate=debate_id, offered_in_round=offered_in_round)
        found = rows.order_by("number").values_list("number", "text")[:MAX_OFFERED]
        return [Waiting(number, text) for number, text in found]


def with_suggestions(
    ask: Ask,
    waiting: Sequence[Waiting],
    plan: Callable[[tuple[str, ...]], Step],
    specs: Mapping[str, AgentSpec],
) -> tuple[Ask, list[int]]:
    """`ask` with as many of `waiting` as fit the budget and everybody's context, and their
    numbers. `plan` gives the engine's next step with an audience.

    What the audience says never ends an exchange that could be held without it."""
    for count in range(len(waiting), 0, -1):
        step = plan(tuple(one.text for one in waiting[:count]))
        if not isinstance(step, Ask) or (step.round, step.phase) != (ask.round, ask.phase):
            continue  # The budget does not suffice for it.
        if all(fits_context(call, specs[call.key.agent]) for call in step.calls):
            return step, [one.number for one in waiting[:count]]
    return ask, []


def fits_context(call: Call, spec: AgentSpec) -> bool:
    """Whether the prompt leaves room for an answer with whoever may be asked."""
    models = [member for member in chain_of(spec) if member.is_language_model]
    if not models:
        return True
    needed = prompt_tokens(call)
    # As `services.fit` has it: what may be written can be as much as the whole context.
    return all(
        needed + min(member.max_output_tokens, member.context_tokens // 4) <= member.context_tokens
        for member in models
    )
